-- All rows of some messages of a partition that cannot be read.
DELETE FROM unreadable
WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset IN $3
