-- What became of the messages of a topic that lie at or after given offsets.
WITH run AS (
    SELECT * FROM unnest($2::int[], $3::bigint[]) AS r (partition, from_offset)
)
SELECT count(*) FILTER (WHERE disposition = 'first' AND outcome = 'approved'),
       count(*) FILTER (WHERE disposition = 'first' AND outcome = 'rejected'),
       count(*) FILTER (WHERE disposition = 'resend'),
       count(*) FILTER (WHERE disposition = 'conflict'),
       (SELECT count(*)
        FROM run JOIN quarantined q ON q.topic = $1 AND q.partition = run.partition AND q."offset" >= run.from_offset)
FROM run
JOIN decision d ON d.topic = $1 AND d.partition = run.partition AND d."offset" >= run.from_offset
