-- How many decisions ClickHouse holds, and from when to when.
SELECT count() AS messages, min(decided_at) AS first_at, max(decided_at) AS last_at
FROM decision
