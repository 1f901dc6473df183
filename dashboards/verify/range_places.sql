-- Beside verify_ranges.sql, of the same ranges: where the rows say that the decisions lie
-- on their topic and when they were published, and whom they are about.
-- verify_fingerprint.go writes the same texts.
SELECT cause_partition, intDiv(cause_offset, $1) AS range,
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(log_partition), toString(log_offset),
           toString(toUnixTimestamp64Micro(published_at)))))),
       groupBitXor(reinterpretAsInt64(halfMD5(concatWithSeparator('|',
           toString(cause_offset), toString(person), toString(sponsor)))))
FROM decision
WHERE cause_topic = $2
  AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
GROUP BY cause_partition, range
ORDER BY cause_partition, range
