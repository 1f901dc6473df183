SELECT partition, from_offset, to_offset
FROM batch
WHERE topic = $1
ORDER BY sequence
