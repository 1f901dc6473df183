-- The decisions of one range of offsets, one by one.
SELECT cause_offset, fingerprint
FROM decision_fingerprint
WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
ORDER BY cause_offset
