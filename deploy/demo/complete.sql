-- Whether ClickHouse says that it has every decision.
SELECT complete_up_to >= (SELECT max(published_at) FROM decision)
FROM complete_up_to
