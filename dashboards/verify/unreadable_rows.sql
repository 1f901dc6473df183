-- As decision_rows.sql, of the messages that cannot be read.
SELECT cause_offset, count(), min(content), max(content), min(place), max(place), toInt64(0), toInt64(0)
FROM
(
    SELECT cause_offset,
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), rule, toString(toUnixTimestamp64Micro(received_at))))) AS content,
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), log_topic, toString(log_partition), toString(log_offset),
               toString(toUnixTimestamp64Micro(published_at)), channel, '1', toString(simulation)))) AS place
    FROM unreadable
    WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
)
GROUP BY cause_offset
ORDER BY cause_offset
