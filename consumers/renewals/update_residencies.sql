-- The rows of locked residencies, by where they lie.
UPDATE residency y
SET expires_on = date '1970-01-01' + n.expires_on
FROM unnest($1::tid[], $2::int[]) AS n (at, expires_on)
WHERE y.ctid = n.at
