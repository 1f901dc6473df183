-- How far each partition is: the offset after the last message that was consumed, and that
-- after the last one that was answered.
SELECT topic, partition, next_offset, published_offset FROM position
