-- The number of rows of one topic's decisions and the exclusive or of their fingerprints,
-- which depends on no order, by ranges of offsets; of each partition up to the offset up to
-- which it is compared. The fingerprints are of the content; of where the decision lies on
-- its topic, since when, and what else every answer says; and of the pseudonyms of the
-- person and the sponsor. fingerprint.go writes the same texts.
SELECT cause_partition, range, countIf(of_content), groupBitXor(content), groupBitXor(place), groupBitXor(persons)
FROM
(
    SELECT cause_partition, intDiv(cause_offset, $1) AS range, true AS of_content,
           fingerprint AS content, toInt64(0) AS place, toInt64(0) AS persons
    FROM decision_fingerprint
    WHERE cause_topic = $2
      AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
    UNION ALL
    SELECT cause_partition, intDiv(cause_offset, $1), false, toInt64(0),
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), log_topic, toString(log_partition), toString(log_offset),
               toString(toUnixTimestamp64Micro(published_at)), channel, toString(revision), toString(simulation)))),
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), toString(person), toString(sponsor))))
    FROM decision
    WHERE cause_topic = $2
      AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
)
GROUP BY cause_partition, range
ORDER BY cause_partition, range
