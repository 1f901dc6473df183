UPDATE position
SET published_offset = $3
WHERE topic = $1 AND partition = $2 AND published_offset < $3 AND next_offset >= $3
