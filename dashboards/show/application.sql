-- The application that came first under an id, without what may not be passed on.
SELECT kind, '********' || right(lpad(civil_id::text, 12, '0'), 4) AS civil_id, article,
       '*****' || right(sponsor_id::text, 4) AS sponsor_id, months,
       channel, submitted_at,
       fee_paid_fils, fee_paid_at,
       to_char(insurance_from, 'YYYY-MM-DD') AS insurance_from,
       to_char(insurance_to, 'YYYY-MM-DD')   AS insurance_to
FROM application
WHERE application_id = $1
