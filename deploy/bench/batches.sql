SELECT topic, partition, from_offset, to_offset
FROM batch
ORDER BY sequence
