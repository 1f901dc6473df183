-- As update_residencies.sql, but by key: where a row lies is known to who has read it.
UPDATE residency y
SET expires_on = date '1970-01-01' + n.expires_on
FROM unnest($1::bigint[], $2::int[]) AS n (civil_id, expires_on)
WHERE y.civil_id = n.civil_id
