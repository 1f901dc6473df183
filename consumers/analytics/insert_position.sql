INSERT INTO sink_position (log_partition, log_offset, complete_until, partitions)
