-- What a partition has in quarantine, each by the fingerprint of the rule it breaks. It is
-- about nobody who could be told.
SELECT "offset", ('x' || left(md5(concat_ws('|', "offset", rule)), 16))::bit(64)::bigint, 0, 0
FROM quarantined
WHERE topic = $1 AND partition = $2
ORDER BY "offset"
