-- Counts and fingerprints of one topic's decisions by ranges of offsets, up to where
-- each partition is to be compared. The exclusive or depends on no order.
SELECT cause_partition, intDiv(cause_offset, $1) AS range, count(), groupBitXor(fingerprint)
FROM decision_fingerprint
WHERE cause_topic = $2
  AND cause_offset < arrayElement($4::Array(Int64), indexOf($3::Array(Int32), cause_partition))
GROUP BY cause_partition, range
ORDER BY cause_partition, range
