-- Of the same rows as rows.sql, the two fingerprints that range_places.sql has of ranges.
SELECT cause_offset,
       reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(log_topic), toString(log_partition), toString(log_offset),
           toString(toUnixTimestamp64Micro(published_at)), toString(channel), toString(revision), toString(simulation)))),
       reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(person), toString(sponsor))))
FROM decision
WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
ORDER BY cause_offset
