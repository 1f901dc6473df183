-- The highest cause of a row, by partition.
SELECT cause_topic, cause_partition, max(cause_offset)
FROM decision
GROUP BY cause_topic, cause_partition
