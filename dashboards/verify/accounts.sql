-- The position of every partition, and how many of the messages that it consumed were
-- decided or quarantined. A partition that has rows and no position is found too.
WITH decided AS (
    SELECT topic, partition,
           count(*) FILTER (WHERE disposition = 'first')    AS decided,
           count(*) FILTER (WHERE disposition = 'resend')   AS duplicates,
           count(*) FILTER (WHERE disposition = 'conflict') AS conflicts
    FROM decision
    GROUP BY topic, partition
), aside AS (
    SELECT topic, partition, count(*) AS quarantined
    FROM quarantined
    GROUP BY topic, partition
)
SELECT topic, partition,
       coalesce(p.first_offset, 0), coalesce(p.next_offset, 0), coalesce(p.skipped, 0),
       coalesce(d.decided, 0), coalesce(d.duplicates, 0), coalesce(d.conflicts, 0),
       coalesce(q.quarantined, 0)
FROM position p
FULL JOIN decided d USING (topic, partition)
FULL JOIN aside q USING (topic, partition)
ORDER BY topic, partition
