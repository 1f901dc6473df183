-- The fence: a position moves only from where this worker left it.
UPDATE position AS p
SET next_offset = m.next_offset, published_offset = greatest(p.published_offset, m.published_offset), skipped = p.skipped + m.skipped
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS m (topic, partition, from_offset, next_offset, published_offset, skipped)
WHERE p.topic = m.topic AND p.partition = m.partition AND p.next_offset = m.from_offset
RETURNING p.topic, p.partition
