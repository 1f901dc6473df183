-- All rows of some decisions of a partition.
DELETE FROM decision
WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset IN $3
