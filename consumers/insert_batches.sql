-- Numbered in their order.
INSERT INTO batch (topic, partition, from_offset, to_offset, policy)
SELECT m.topic, m.partition, m.from_offset, m.to_offset, m.policy
FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::text[])
    WITH ORDINALITY AS m (topic, partition, from_offset, to_offset, policy, number)
ORDER BY m.number
