-- How far every partition has come: what was consumed, and what of it was announced.
SELECT partition, next_offset, published_offset FROM position WHERE topic = $1
