-- How many steps the record has come: one for each message that is consumed, and one for each
-- that is answered. Beside it, how many rows there must be in ClickHouse.
SELECT coalesce(sum(next_offset + published_offset), 0)::bigint,
       (SELECT count(*) FROM decision) + (SELECT count(*) FROM quarantined)
FROM position
