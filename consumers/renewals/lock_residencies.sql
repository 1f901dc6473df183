-- The residencies of a batch's residents, locked in the order of their keys so that
-- two batches cannot wait for one another. Sponsors are only read: no message
-- changes them yet.
SELECT y.civil_id, r.passport_number, r.passport_country, r.passport_expires_on - date '1970-01-01',
       y.article, y.sponsor_id, y.relation, y.expires_on - date '1970-01-01',
       s.kind, coalesce(s.article, 0), y.ctid
FROM residency y
JOIN resident r USING (civil_id)
JOIN sponsor s USING (sponsor_id)
WHERE y.civil_id = ANY ($1::bigint[])
ORDER BY y.civil_id
FOR NO KEY UPDATE OF y
