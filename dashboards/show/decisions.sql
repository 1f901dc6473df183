-- Every decision on messages with an application's id, the one that counts first. It is
-- found by the index of what came first, the others by that of what was repeated.
SELECT d.disposition, d.outcome, d.reasons, d.policy,
       '********' || right(lpad(d.civil_id::text, 12, '0'), 4) AS civil_id, d.article, d.months, channel_of(d.topic) AS channel,
       d.fee_due_fils, d.fine_due_fils, d.fee_paid_fils,
       to_char(d.old_expiry, 'YYYY-MM-DD') AS old_expiry,
       to_char(d.new_expiry, 'YYYY-MM-DD') AS new_expiry,
       d.submitted_at, d.received_at, d.decided_at,
       d.topic, d.partition, d."offset",
       coalesce(p.published_offset > d."offset", false) AS announced
FROM (
    SELECT first.*
    FROM decision first
    WHERE first.application_id = $1 AND first.disposition = 'first'
    UNION ALL
    SELECT repeated.*
    FROM decision repeated
    WHERE repeated.application_id = $1 AND repeated.disposition <> 'first'
) AS d
LEFT JOIN position p USING (topic, partition)
ORDER BY (d.disposition <> 'first'), d.decided_at, d.topic, d.partition, d."offset"
