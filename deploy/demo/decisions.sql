-- What became of the messages of a run, by topic: of those that lie at or after the offset at
-- which the run found its partition's end.
WITH run AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) AS r (topic, partition, from_offset)
), decided AS (
    SELECT topic,
           count(*) FILTER (WHERE disposition = 'first' AND outcome = 'approved') AS approved,
           count(*) FILTER (WHERE disposition = 'first' AND outcome = 'rejected') AS rejected,
           count(*) FILTER (WHERE disposition = 'resend')                         AS duplicates,
           count(*) FILTER (WHERE disposition = 'conflict')                       AS conflicts
    FROM run JOIN decision d USING (topic, partition)
    WHERE d."offset" >= run.from_offset
    GROUP BY topic
), aside AS (
    SELECT topic, count(*) AS quarantined
    FROM run JOIN quarantined q USING (topic, partition)
    WHERE q."offset" >= run.from_offset
    GROUP BY topic
)
SELECT topic, coalesce(approved, 0), coalesce(rejected, 0), coalesce(duplicates, 0), coalesce(conflicts, 0), coalesce(quarantined, 0)
FROM (SELECT DISTINCT topic FROM run) AS topics
LEFT JOIN decided USING (topic)
LEFT JOIN aside USING (topic)
ORDER BY topic
