-- Up to when ClickHouse holds every decision that was published.
SELECT complete_up_to, partitions, partitions_seen
FROM complete_up_to
