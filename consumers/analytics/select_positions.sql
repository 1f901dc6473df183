-- How far a partition of a decisions topic has come before a place on it: for each
-- topic of causes the highest cause, and the highest place on the decisions topic
-- itself. An answer lies in its cause's partition.
SELECT cause_topic, max(cause), max(at)
FROM
(
    SELECT cause_topic, max(cause_offset) AS cause, max(log_offset) AS at
    FROM decision
    WHERE log_topic = $1 AND log_partition = $2 AND cause_partition = $2 AND log_offset < $3
    GROUP BY cause_topic
    UNION ALL
    SELECT cause_topic, max(cause_offset), max(log_offset)
    FROM unreadable
    WHERE log_topic = $1 AND log_partition = $2 AND cause_partition = $2 AND log_offset < $3
    GROUP BY cause_topic
)
GROUP BY cause_topic
