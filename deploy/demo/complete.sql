-- Whether analysts are told that all is in.
SELECT complete_up_to >= (SELECT max(published_at) FROM decision)
FROM complete_up_to
