-- As update_residents.sql, but by key: where a row lies is known to who has read it.
UPDATE resident r
SET expires_on = date '1970-01-01' + n.expires_on
FROM unnest($1::bigint[], $2::int[]) AS n (civil_id, expires_on)
WHERE r.civil_id = n.civil_id
