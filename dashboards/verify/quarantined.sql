-- The messages in quarantine, in the order of their offsets, and why they are there.
SELECT topic, partition, "offset", rule, field, detail, received_at
FROM quarantined
ORDER BY topic, partition, "offset"
