-- How many rows there are for the messages of topics, each of so many partitions, that lie
-- at or after given offsets: those of the first topic's partitions, then the next one's.
SELECT count()
FROM decision
WHERE has($1::Array(String), cause_topic)
  AND cause_offset >= arrayElement($3::Array(Int64), (indexOf($1::Array(String), cause_topic) - 1) * $2 + cause_partition + 1)
