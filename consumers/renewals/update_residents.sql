-- The rows of locked residents, by where they lie.
UPDATE resident r
SET expires_on = date '1970-01-01' + n.expires_on
FROM unnest($1::tid[], $2::int[]) AS n (at, expires_on)
WHERE r.ctid = n.at
