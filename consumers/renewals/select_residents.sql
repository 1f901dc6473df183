-- Residents of a batch who have no residency.
SELECT r.civil_id
FROM resident r
WHERE r.civil_id = ANY ($1::bigint[])
  AND NOT EXISTS (SELECT FROM residency y WHERE y.civil_id = r.civil_id)
