-- Causes of rows of each table, of one topic, that lie at or after an offset of their
-- partition. Partitions that are not given are left out.
SELECT DISTINCT cause_partition, cause_offset, of_notices
FROM
(
    SELECT cause_topic, cause_partition, cause_offset, false AS of_notices FROM decision WHERE cause_topic = $1
    UNION ALL
    SELECT cause_topic, cause_partition, cause_offset, true FROM unreadable WHERE cause_topic = $1
)
WHERE has($2::Array(Int32), cause_partition)
  AND cause_offset >= arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
ORDER BY cause_partition, cause_offset
