-- As update_residents.sql, but by key: the stage knows the place of each row in the table,
-- because it has read it, and the ceiling does not.
UPDATE resident r
SET expires_on = date '1970-01-01' + n.expires_on
FROM unnest($1::bigint[], $2::int[]) AS n (civil_id, expires_on)
WHERE r.civil_id = n.civil_id
