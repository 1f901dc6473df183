-- Of the same ranges as ranges.sql, two more fingerprints: where the decisions lie on
-- their topic and when they were published; and the pseudonyms of the persons and sponsors
-- that they are about. fingerprint.go writes the same texts.
SELECT cause_partition, intDiv(cause_offset, $1) AS range,
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(log_topic), toString(log_partition), toString(log_offset),
           toString(toUnixTimestamp64Micro(published_at)), toString(channel), toString(revision), toString(simulation))))),
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(person), toString(sponsor)))))
FROM decision
WHERE cause_topic = $2
  AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
GROUP BY cause_partition, range
ORDER BY cause_partition, range
