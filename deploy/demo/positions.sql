-- How many messages of a topic are consumed, and how many of the decisions announced, from
-- given offsets on.
SELECT coalesce(sum(p.next_offset - run.from_offset), 0)::bigint,
       coalesce(sum(p.published_offset - run.from_offset), 0)::bigint
FROM unnest($2::int[], $3::bigint[]) AS run (partition, from_offset)
JOIN position p ON p.topic = $1 AND p.partition = run.partition
