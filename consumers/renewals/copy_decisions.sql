COPY decision (
    partition, article, months, "offset", application_id, topic, disposition,
    outcome, reasons, policy, fee_due_fils, fine_due_fils, old_expiry, new_expiry, received_at, decided_at,
    civil_id, sponsor_id, kind, submitted_at, fee_paid_fils,
    digest, passport_expires_on, passport_number, passport_country, submitted_by,
    fee_paid_at, fee_receipt, insurance_from, insurance_to, insurance_policy)
FROM STDIN (FORMAT binary)
