-- Causes of rows, of one topic, that lie at or after an offset of their partition.
SELECT DISTINCT cause_partition, cause_offset
FROM decision
WHERE cause_topic = $1
  AND cause_offset >= arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
ORDER BY cause_partition, cause_offset
