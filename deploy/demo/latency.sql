-- How long the messages of a run waited for their decision, in milliseconds. Zero where there
-- are none.
SELECT ifNotFinite(quantileExact(0.50)(dateDiff('microsecond', received_at, decided_at)) / 1000, 0),
       ifNotFinite(quantileExact(0.99)(dateDiff('microsecond', received_at, decided_at)) / 1000, 0)
FROM decision
WHERE has($1::Array(String), concat(cause_topic, '/', toString(cause_partition)))
  AND cause_offset >= arrayElement($2::Array(Int64), indexOf($1::Array(String), concat(cause_topic, '/', toString(cause_partition))))
