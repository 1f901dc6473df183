-- How long the messages of a topic that lie at or after given offsets waited for their
-- decision, in milliseconds. Zero where there are none.
SELECT ifNotFinite(quantileExact(0.50)(dateDiff('microsecond', received_at, decided_at)) / 1000, 0),
       ifNotFinite(quantileExact(0.99)(dateDiff('microsecond', received_at, decided_at)) / 1000, 0)
FROM decision
WHERE cause_topic = $1
  AND cause_offset >= arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
