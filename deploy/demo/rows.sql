-- How many rows there are, in the analysts' database, for the messages of one topic
-- that lie at or after given offsets, by partition.
SELECT count()
FROM decision
WHERE cause_topic = $1
  AND cause_offset >= arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
