-- How many messages of a run are consumed, and how many of the answers announced.
SELECT coalesce(sum(p.next_offset - run.from_offset), 0)::bigint,
       coalesce(sum(p.published_offset - run.from_offset), 0)::bigint
FROM unnest($1::text[], $2::int[], $3::bigint[]) AS run (topic, partition, from_offset)
JOIN position p USING (topic, partition)
