-- The number of rows of one topic's decisions and the exclusive or of their fingerprints,
-- which depends on no order, by ranges of offsets; of each partition up to the offset up to
-- which it is compared. fingerprint.go writes the same texts as the view.
SELECT cause_partition, intDiv(cause_offset, $1) AS range,
       count(), groupBitXor(fingerprint), groupBitXor(place), groupBitXor(persons)
FROM decision_fingerprint
WHERE cause_topic = $2
  AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
GROUP BY cause_partition, range
ORDER BY cause_partition, range
