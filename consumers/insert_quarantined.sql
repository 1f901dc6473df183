INSERT INTO quarantined (topic, partition, "offset", rule, field, detail, key, value, header_keys, header_values, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
