-- The rows of one topic's messages that cannot be read; of each partition up to the offset up
-- to which it is compared.
SELECT cause_partition, cause_offset, toString(log_topic), log_partition, log_offset, toString(channel), toString(rule), simulation,
       toUnixTimestamp64Micro(received_at), toUnixTimestamp64Micro(published_at)
FROM unreadable
WHERE cause_topic = $1
  AND cause_offset < arrayElement($3::Array(Int64), indexOf($2::Array(Int32), cause_partition))
ORDER BY cause_partition, cause_offset
