SELECT "offset", rule, field, detail, key, value, header_keys, header_values, received_at
FROM quarantined
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4
ORDER BY "offset"
