COPY decision (
    topic, partition, "offset", application_id, disposition, outcome, reasons, policy,
    civil_id, kind, article, sponsor_id, months, channel,
    fee_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at, decided_at)
FROM STDIN (FORMAT binary)
