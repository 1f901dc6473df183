-- Offsets that are accounted for and were not consumed: they lie before the partition's
-- first offset, or at or after its next one.
SELECT topic, partition, 'not_consumed', a."offset", a."offset" + 1
FROM (
    SELECT topic, partition, "offset" FROM decision
    UNION ALL
    SELECT topic, partition, "offset" FROM quarantined
) AS a
LEFT JOIN position p USING (topic, partition)
WHERE p.topic IS NULL OR a."offset" < p.first_offset OR a."offset" >= p.next_offset
ORDER BY topic, partition, a."offset"
