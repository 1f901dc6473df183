-- How far a partition of the decisions topic has come before a place on it: for each
-- topic of causes the highest cause, and the highest place on the decisions topic
-- itself. A decision lies in its cause's partition.
SELECT cause_topic, max(cause_offset), max(log_offset)
FROM decision
WHERE log_partition = $1 AND cause_partition = $1 AND log_offset < $2
GROUP BY cause_topic
