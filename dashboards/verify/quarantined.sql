-- A partition's messages in quarantine, each by the fingerprint of the rule that it breaks.
-- Nobody can say what person or sponsor they are about.
SELECT "offset", ('x' || left(md5(concat_ws('|', "offset", rule)), 16))::bit(64)::bigint, 0, 0
FROM quarantined
WHERE topic = $1 AND partition = $2
ORDER BY "offset"
