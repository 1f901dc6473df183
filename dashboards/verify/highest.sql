-- The highest cause of a row of each table, by partition.
SELECT cause_topic, cause_partition, max(cause_offset), false AS of_notices
FROM decision
GROUP BY cause_topic, cause_partition
UNION ALL
SELECT cause_topic, cause_partition, max(cause_offset), true
FROM unreadable
GROUP BY cause_topic, cause_partition
