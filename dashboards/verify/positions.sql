-- How far each partition was consumed, and how far published.
SELECT topic, partition, next_offset, published_offset
FROM position
