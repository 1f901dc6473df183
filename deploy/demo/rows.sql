-- How many rows there are for the messages of a topic that lie at or after given offsets.
SELECT count()
FROM decision
WHERE cause_topic = $1
  AND cause_offset >= arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
