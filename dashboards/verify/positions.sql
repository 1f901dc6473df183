SELECT topic, partition, next_offset, published_offset
FROM position
