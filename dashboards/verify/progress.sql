-- How far the stage analytics has come in each partition of the decisions topics. By the rows
-- of decision and by the position that it has written down, everything is in that lies before.
-- By those of unreadable, of which a batch's are inserted first, only what that table holds.
SELECT log_topic, log_partition, maxIf(reached, NOT of_notices), max(reached)
FROM
(
    SELECT log_topic, log_partition, max(log_offset) + 1 AS reached, false AS of_notices FROM decision GROUP BY log_topic, log_partition
    UNION ALL
    SELECT log_topic, log_partition, max(log_offset), false FROM sink_position GROUP BY log_topic, log_partition
    UNION ALL
    SELECT log_topic, log_partition, max(log_offset) + 1, true FROM unreadable GROUP BY log_topic, log_partition
)
GROUP BY log_topic, log_partition
