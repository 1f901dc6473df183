-- As decision_ranges.sql, of the messages that cannot be read. No row says whom one is about,
-- and every one has the first revision.
SELECT cause_partition, intDiv(cause_offset, $1) AS range, count(),
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), rule, toString(toUnixTimestamp64Micro(received_at)))))),
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), log_topic, toString(log_partition), toString(log_offset),
           toString(toUnixTimestamp64Micro(published_at)), channel, '1', toString(simulation))))),
       toInt64(0)
FROM unreadable
WHERE cause_topic = $2
  AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
GROUP BY cause_partition, range
ORDER BY cause_partition, range
