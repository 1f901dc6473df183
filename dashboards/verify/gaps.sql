-- Offsets that were consumed and are not accounted for, or twice. The offset before the
-- first and the next offset of each partition are added, so that a gap at either end shows
-- like any other.
SELECT p.topic, p.partition,
       CASE WHEN n."offset" > n.before THEN 'unaccounted' ELSE 'accounted_twice' END,
       least(n.before + 1, n."offset"), greatest(n."offset", n.before + 1)
FROM position p
CROSS JOIN LATERAL (
    SELECT a."offset", lag(a."offset") OVER (ORDER BY a."offset") AS before
    FROM (
        SELECT d."offset"
        FROM decision d
        WHERE d.topic = p.topic AND d.partition = p.partition
          AND d."offset" >= p.first_offset AND d."offset" < p.next_offset
        UNION ALL
        SELECT q."offset"
        FROM quarantined q
        WHERE q.topic = p.topic AND q.partition = p.partition
          AND q."offset" >= p.first_offset AND q."offset" < p.next_offset
        UNION ALL
        VALUES (p.first_offset - 1), (p.next_offset)
    ) AS a
) AS n
WHERE n."offset" <> n.before + 1
ORDER BY p.topic, p.partition, n."offset"
