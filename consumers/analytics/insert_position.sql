INSERT INTO sink_position (log_topic, log_partition, log_offset, complete_until, partitions, topics_known_at)
