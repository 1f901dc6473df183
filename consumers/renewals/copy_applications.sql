COPY application (
    application_id, civil_id, kind, article, sponsor_id, months,
    passport_number, passport_country, passport_expires_on,
    channel, submitted_by, submitted_at,
    fee_receipt, fee_paid_fils, fee_paid_at,
    insurance_policy, insurance_from, insurance_to,
    digest, topic, partition, "offset")
FROM STDIN (FORMAT binary)
