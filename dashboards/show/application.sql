-- The application that came first under an id.
SELECT application_id, kind, lpad(civil_id::text, 12, '0') AS civil_id, article, sponsor_id, months,
       passport_country, to_char(passport_expires_on, 'YYYY-MM-DD') AS passport_expires_on,
       channel, submitted_by, submitted_at,
       fee_receipt, fee_paid_fils, fee_paid_at,
       insurance_policy,
       to_char(insurance_from, 'YYYY-MM-DD') AS insurance_from,
       to_char(insurance_to, 'YYYY-MM-DD')   AS insurance_to
FROM application
WHERE application_id = $1
