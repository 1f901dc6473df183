-- How far the stage analytics has come in each partition of the decisions topic: by its
-- rows, and by the position that it has written down.
SELECT log_partition, max(reached)
FROM
(
    SELECT log_partition, max(log_offset) + 1 AS reached FROM decision GROUP BY log_partition
    UNION ALL
    SELECT log_partition, max(log_offset) FROM sink_position GROUP BY log_partition
)
GROUP BY log_partition
