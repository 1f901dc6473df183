-- How many rows there are for the messages of a run: for decisions, and for messages that
-- could not be read.
SELECT countIf(decided), countIf(NOT decided)
FROM
(
    SELECT cause_topic, cause_partition, cause_offset, true AS decided FROM decision
    UNION ALL
    SELECT cause_topic, cause_partition, cause_offset, false FROM unreadable
)
WHERE has($1::Array(String), concat(cause_topic, '/', toString(cause_partition)))
  AND cause_offset >= arrayElement($2::Array(Int64), indexOf($1::Array(String), concat(cause_topic, '/', toString(cause_partition))))
