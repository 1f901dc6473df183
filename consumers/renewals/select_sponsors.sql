-- Sponsors are only read: no message changes them yet.
SELECT sponsor_id, kind, coalesce(article, 0)
FROM sponsor
WHERE sponsor_id = ANY ($1::bigint[])
