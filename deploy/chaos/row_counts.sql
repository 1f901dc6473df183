-- How many rows a query sees without FINAL, and how many answers they are.
SELECT count(), uniqExact(cause_topic, cause_partition, cause_offset)
FROM
(
    SELECT cause_topic, cause_partition, cause_offset FROM decision
    UNION ALL
    SELECT cause_topic, cause_partition, cause_offset FROM unreadable
)
