INSERT INTO batch (topic, partition, from_offset, to_offset, policy)
VALUES ($1, $2, $3, $4, $5)
