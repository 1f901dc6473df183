-- How far a partition of the decisions topic has come: for each topic of causes the
-- highest cause, and the highest place on the decisions topic itself. A decision
-- lies in its cause's partition.
SELECT cause_topic, max(cause_offset), max(log_offset)
FROM decision
WHERE log_partition = $1 AND cause_partition = $1
GROUP BY cause_topic
