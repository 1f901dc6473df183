-- How far each partition is: the offset after the last message that was consumed, and that
-- after the last one whose decision was announced.
SELECT partition, next_offset, published_offset FROM position WHERE topic = $1
