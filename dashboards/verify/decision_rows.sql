-- The decisions of one range of offsets: how many rows each has, and the least and the greatest
-- of each of its fingerprints.
SELECT cause_offset, count(), min(fingerprint), max(fingerprint), min(place), max(place), min(persons), max(persons)
FROM decision_fingerprint
WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
GROUP BY cause_offset
ORDER BY cause_offset
