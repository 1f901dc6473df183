-- A batch's residents, locked in the order of their keys so that two batches cannot wait
-- for one another.
SELECT civil_id, passport_number, passport_country, passport_expires_on - date '1970-01-01',
       expires_on IS NOT NULL, coalesce(article, 0), coalesce(sponsor_id, 0), coalesce(relation, ''),
       coalesce(expires_on - date '1970-01-01', 0), ctid
FROM resident
WHERE civil_id = ANY ($1::bigint[])
ORDER BY civil_id
FOR NO KEY UPDATE
