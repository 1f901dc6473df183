-- Up to when every decision is in, and what tells two copies of a decision apart.

-- +goose Up
-- How far the analytics stage has read: one row at intervals for each partition of the
-- decisions topic that is assigned to it, also while no message comes. Only the newest
-- row of a partition counts; merges remove the others.
CREATE TABLE IF NOT EXISTS sink_position (
    log_partition  Int32,
    log_offset     Int64 COMMENT 'every decision that lies before it on the decisions topic is in',
    complete_until DateTime64(6, 'Asia/Kuwait') COMMENT 'the sink saw then that nothing lay behind log_offset',
    partitions     Int32 COMMENT 'how many partitions the decisions topic had'
)
ENGINE = ReplacingMergeTree(complete_until)
ORDER BY log_partition;

-- A partition is complete up to the moment at which the analytics stage last saw its end,
-- or at which the last inserted decision was published, whichever is later: decisions are
-- inserted in the order in which they were published. All partitions are complete up to
-- the earliest of these moments. They are read from two clocks, the analytics stage's and
-- the publishing worker's.
CREATE OR REPLACE VIEW complete_up_to AS
SELECT
    if(max(p.partitions) > 0 AND count() >= max(p.partitions), min(p.until), toDateTime64(0, 6, 'Asia/Kuwait')) AS complete_up_to,
    max(p.partitions)  AS partitions,
    count()            AS partitions_seen
FROM
(
    SELECT log_partition, max(complete_until) AS until, max(partitions) AS partitions
    FROM
    (
        SELECT log_partition, complete_until, partitions FROM sink_position
        UNION ALL
        SELECT log_partition, max(published_at), 0 FROM decision GROUP BY log_partition
    )
    GROUP BY log_partition
) AS p
COMMENT 'Every decision whose message was published before complete_up_to is in, however quiet a partition is. 1970 while a partition of the decisions topic has never been read: it may hold anything.';

-- Postgres' query and the program make the same text of a decision: all that both stores
-- have of it.
CREATE OR REPLACE VIEW decision_fingerprint AS
SELECT
    cause_topic, cause_partition, cause_offset,
    reinterpretAsInt64(halfMD5(concatWithSeparator('|',
        toString(cause_offset), toString(application_id), toString(disposition), toString(outcome),
        arrayStringConcat(reasons, ','), policy,
        kind, toString(article), toString(months), channel, toString(fee_due_fils), toString(fee_paid_fils),
        toString(ifNull(toInt32(old_expiry), 0)), toString(ifNull(toInt32(new_expiry), 0)),
        toString(toUnixTimestamp64Micro(submitted_at)),
        toString(toUnixTimestamp64Micro(received_at)),
        toString(toUnixTimestamp64Micro(decided_at))))) AS fingerprint
FROM decision
COMMENT 'For operations: what `tajdeed verify` compares with the record. Two rows of one decision have the same fingerprint.';
