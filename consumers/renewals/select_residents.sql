-- Which of a batch's residents without a residency are in the register.
SELECT civil_id
FROM resident
WHERE civil_id = ANY ($1::bigint[])
