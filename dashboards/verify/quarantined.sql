-- The messages in quarantine of topics whose names begin so: why they cannot be read, their
-- key where it can be a Civil ID, and a digest of their bytes.
SELECT topic, partition, "offset", rule, field, detail, received_at,
       CASE WHEN octet_length(key) = 12 THEN key END,
       md5(coalesce(key, '')) || md5(coalesce(value, ''))
FROM quarantined
WHERE starts_with(topic, $1)
ORDER BY topic, partition, "offset"
