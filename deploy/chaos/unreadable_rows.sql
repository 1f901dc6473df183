-- Every row of a message that cannot be read, with the rule that it breaks.
SELECT cause_topic, cause_partition, cause_offset, rule FROM unreadable
