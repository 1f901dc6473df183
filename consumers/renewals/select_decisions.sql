-- Decisions caused by a run of a partition, in the order of their causes.
SELECT "offset", application_id, disposition, outcome, reasons, policy,
       civil_id, kind, article, sponsor_id, months,
       fee_due_fils, fine_due_fils, fee_paid_fils,
       coalesce(old_expiry - date '1970-01-01', 0), coalesce(new_expiry - date '1970-01-01', 0),
       submitted_at, received_at, decided_at
FROM decision
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4
ORDER BY "offset"
