-- How many rows analysts see, and of how many decisions.
SELECT count(), uniqExact(cause_partition, cause_offset) FROM decision WHERE cause_topic = $1
