INSERT INTO application (
    application_id, civil_id, kind, article, sponsor_id, months,
    passport_number, passport_country, passport_expires_on,
    channel, submitted_by, submitted_at,
    fee_receipt, fee_paid_fils, fee_paid_at,
    insurance_policy, insurance_from, insurance_to,
    digest, topic, partition, "offset")
SELECT
    application_id, civil_id, kind, article, sponsor_id, months,
    passport_number, passport_country, date '1970-01-01' + passport_expires_on,
    channel, submitted_by, submitted_at,
    fee_receipt, CASE WHEN fee_receipt IS NOT NULL THEN fee_paid_fils END,
    CASE WHEN fee_receipt IS NOT NULL THEN fee_paid_at END,
    insurance_policy, CASE WHEN insurance_policy IS NOT NULL THEN date '1970-01-01' + insurance_from END,
    CASE WHEN insurance_policy IS NOT NULL THEN date '1970-01-01' + insurance_to END,
    digest, $1, $2, "offset"
FROM unnest(
    $3::uuid[], $4::bigint[], $5::text[], $6::smallint[], $7::bigint[], $8::smallint[],
    $9::text[], $10::text[], $11::int[],
    $12::text[], $13::text[], $14::timestamptz[],
    $15::text[], $16::bigint[], $17::timestamptz[],
    $18::text[], $19::int[], $20::int[],
    $21::bytea[], $22::bigint[])
AS a (
    application_id, civil_id, kind, article, sponsor_id, months,
    passport_number, passport_country, passport_expires_on,
    channel, submitted_by, submitted_at,
    fee_receipt, fee_paid_fils, fee_paid_at,
    insurance_policy, insurance_from, insurance_to,
    digest, "offset")
