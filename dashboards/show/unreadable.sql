-- Messages in quarantine that name an application's id: in their envelope, or anywhere in
-- their data. What cannot be read has no column of its own for it, so all are looked through.
SELECT channel_of(q.topic) AS channel, q.rule, q.field, q.detail AS found, q.received_at, q.topic, q.partition, q."offset",
       coalesce(p.published_offset > q."offset", false) AS announced
FROM quarantined q
LEFT JOIN position p USING (topic, partition)
WHERE position(convert_to(lower($1), 'UTF8') IN q.value) > 0
   OR position(convert_to(upper($1), 'UTF8') IN q.value) > 0
   OR EXISTS (
       SELECT FROM unnest(q.header_keys, q.header_values) AS h (key, value)
       WHERE h.key = 'ce_id' AND h.value IN (convert_to(lower($1), 'UTF8'), convert_to(upper($1), 'UTF8')))
ORDER BY q.received_at, q.topic, q.partition, q."offset"
