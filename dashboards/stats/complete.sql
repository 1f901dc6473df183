-- Up to when every decision that was published is in.
SELECT complete_up_to, partitions, partitions_seen
FROM complete_up_to
