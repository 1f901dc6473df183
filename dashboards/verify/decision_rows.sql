-- The decisions of one range of offsets: how many rows each has, and the least and the greatest
-- of each of the fingerprints that decision_ranges.sql has of ranges.
SELECT cause_offset, countIf(of_content),
       minIf(content, of_content), maxIf(content, of_content),
       minIf(place, NOT of_content), maxIf(place, NOT of_content),
       minIf(persons, NOT of_content), maxIf(persons, NOT of_content)
FROM
(
    SELECT cause_offset, true AS of_content, fingerprint AS content, toInt64(0) AS place, toInt64(0) AS persons
    FROM decision_fingerprint
    WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
    UNION ALL
    SELECT cause_offset, false, toInt64(0),
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), log_topic, toString(log_partition), toString(log_offset),
               toString(toUnixTimestamp64Micro(published_at)), channel, toString(revision), toString(simulation)))),
           reinterpretAsInt64(halfMD5(concatWithSeparator('|',
               toString(cause_offset), toString(person), toString(sponsor))))
    FROM decision
    WHERE cause_topic = $1 AND cause_partition = $2 AND cause_offset >= $3 AND cause_offset < $4
)
GROUP BY cause_offset
ORDER BY cause_offset
