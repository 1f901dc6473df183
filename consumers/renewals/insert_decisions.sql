-- Reasons come as the text form of an array: unnest would flatten an array of
-- arrays.
INSERT INTO decision (
    topic, partition, "offset", application_id, disposition, outcome, reasons, policy,
    civil_id, kind, article, sponsor_id, months, channel,
    fee_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at, decided_at)
SELECT
    $1, $2, "offset", application_id, disposition, outcome, reasons::text[], policy,
    civil_id, kind, article, sponsor_id, months, channel,
    fee_due_fils, fee_paid_fils, date '1970-01-01' + nullif(old_expiry, 0), date '1970-01-01' + nullif(new_expiry, 0),
    submitted_at, received_at, $3
FROM unnest(
    $4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::bigint[], $11::text[], $12::smallint[], $13::bigint[], $14::smallint[], $15::text[],
    $16::bigint[], $17::bigint[], $18::int[], $19::int[],
    $20::timestamptz[], $21::timestamptz[])
AS d (
    "offset", application_id, disposition, outcome, reasons, policy,
    civil_id, kind, article, sponsor_id, months, channel,
    fee_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at)
