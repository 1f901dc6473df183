-- Where the batches of a partition don't follow one another from its first offset to
-- its next one. Each end is added as a batch of no width, so that a gap there shows like
-- any other.
WITH covered AS (
    SELECT topic, partition, from_offset, to_offset FROM batch
    UNION ALL
    SELECT topic, partition, first_offset, first_offset FROM position
    UNION ALL
    SELECT topic, partition, next_offset, next_offset FROM position
), neighbours AS (
    SELECT topic, partition, from_offset, to_offset,
           max(to_offset) OVER (
               PARTITION BY topic, partition ORDER BY from_offset, to_offset
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM covered
)
SELECT topic, partition, 'batch_missing', before, from_offset
FROM neighbours
WHERE from_offset > before
UNION ALL
SELECT topic, partition, 'batch_overlaps', from_offset, least(before, to_offset)
FROM neighbours
WHERE from_offset < before AND to_offset > from_offset
UNION ALL
SELECT b.topic, b.partition, 'batch_not_consumed', greatest(b.from_offset, coalesce(p.next_offset, 0)), b.to_offset
FROM batch b
LEFT JOIN position p USING (topic, partition)
WHERE b.to_offset > coalesce(p.next_offset, 0)
ORDER BY 1, 2, 3, 4
