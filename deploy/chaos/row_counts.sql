-- How many rows a query sees without FINAL, and how many decisions they are.
SELECT count(), uniqExact(cause_partition, cause_offset) FROM decision WHERE cause_topic = $1
