-- +goose Up
-- One row for each decision, for analysts: no Civil ID, no name, no document. A person
-- is a keyed hash.
CREATE TABLE IF NOT EXISTS decision (
    -- The message that was decided. A decision's position is its identity.
    cause_topic     LowCardinality(String),
    cause_partition Int32,
    cause_offset    Int64 CODEC(Delta, LZ4),
    -- Where the decision is on the decisions topic: the analytics stage goes on after
    -- the highest offset in this table.
    log_partition   Int32,
    log_offset      Int64 CODEC(Delta, LZ4),

    application_id  UUID,
    disposition     Enum8('first' = 1, 'resend' = 2, 'conflict' = 3),
    outcome         Enum8('approved' = 1, 'rejected' = 2),
    reasons         Array(LowCardinality(String)),
    policy          LowCardinality(String),

    kind            LowCardinality(String),
    article         UInt8,
    months          UInt16,
    channel         LowCardinality(String),
    person          UInt64 COMMENT 'keyed hash of the Civil ID',
    sponsor         UInt64 COMMENT 'keyed hash of the sponsor id',
    fee_due_fils    Int64,
    fee_paid_fils   Int64,
    old_expiry      Nullable(Date32),
    new_expiry      Nullable(Date32),

    -- The time of every stage. submitted_at is the channel's, received_at and
    -- published_at the broker's, decided_at the worker's, inserted_at the analytics stage's.
    submitted_at    DateTime64(6, 'Asia/Kuwait'),
    received_at     DateTime64(6, 'Asia/Kuwait') CODEC(Delta, LZ4),
    decided_at      DateTime64(6, 'Asia/Kuwait') CODEC(Delta, LZ4),
    published_at    DateTime64(6, 'Asia/Kuwait') CODEC(Delta, LZ4),
    inserted_at     DateTime64(6, 'Asia/Kuwait') CODEC(Delta, LZ4)
)
-- The analytics stage drops what it has inserted before, so a row is here once and no
-- query needs FINAL. The replacing engine is for two owners of a partition at the same
-- moment, the deduplication window for a block that was sent twice.
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(decided_at)
ORDER BY (cause_topic, cause_partition, cause_offset)
SETTINGS non_replicated_deduplication_window = 10000;
