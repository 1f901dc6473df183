-- The fence: the position moves only from where this worker left it.
UPDATE position
SET next_offset = $4, published_offset = greatest(published_offset, $5), skipped = skipped + $6
WHERE topic = $1 AND partition = $2 AND next_offset = $3
