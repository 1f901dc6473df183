-- What the analysts' database holds at all.
SELECT count() AS messages, min(decided_at) AS first_at, max(decided_at) AS last_at
FROM decision
