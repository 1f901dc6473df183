-- The partitions whose books don't balance, in Postgres alone: every offset that was
-- consumed is decided, quarantined or no message, and everything was announced.
SELECT p.topic, p.partition, next_offset - first_offset AS consumed, published_offset - first_offset AS announced,
       skipped, d.decided, q.quarantined
FROM position p
CROSS JOIN LATERAL (SELECT count(*) AS decided FROM decision d WHERE d.topic = p.topic AND d.partition = p.partition) d
CROSS JOIN LATERAL (SELECT count(*) AS quarantined FROM quarantined q WHERE q.topic = p.topic AND q.partition = p.partition) q
WHERE next_offset - first_offset <> d.decided + q.quarantined + skipped OR published_offset <> next_offset
ORDER BY p.topic, p.partition
