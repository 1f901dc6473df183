INSERT INTO unreadable (
    cause_topic, cause_partition, cause_offset, log_topic, log_partition, log_offset,
    channel, rule, simulation, received_at, published_at, inserted_at)
