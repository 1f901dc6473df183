-- A renewal only ever extends: the last of a batch is the latest.
SELECT civil_id, (max(new_expiry) - date '1970-01-01')::int
FROM decision
WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4
  AND outcome = 'approved' AND disposition = 'first'
GROUP BY civil_id
ORDER BY civil_id
