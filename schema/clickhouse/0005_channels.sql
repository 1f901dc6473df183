-- Each channel has a topic of its own for its decisions, answers may bring names that this
-- edition does not know, and messages that cannot be read are counted.

-- +goose Up
-- The sets of names are open: a later edition of the stage renewals may write outcomes and
-- dispositions that this one does not know.
ALTER TABLE decision
    ADD COLUMN IF NOT EXISTS log_topic LowCardinality(String) COMMENT 'the topic on which the decision was published' AFTER cause_offset,
    MODIFY COLUMN disposition LowCardinality(String) COMMENT 'first, resend or conflict',
    MODIFY COLUMN outcome LowCardinality(String) COMMENT 'approved or rejected; any other is not final',
    ADD COLUMN IF NOT EXISTS revision UInt32 DEFAULT 1 COMMENT 'of two decisions on one application, the one with the higher revision holds' AFTER policy,
    ADD COLUMN IF NOT EXISTS simulation Bool COMMENT 'whether the installation is a simulation' AFTER revision,
    MODIFY COLUMN channel LowCardinality(String) COMMENT 'where the application was taken in: by the topic of its message',
    COMMENT COLUMN submitted_at 'when the application was submitted, as its channel says',
    COMMENT COLUMN received_at 'when the message was received, by the broker''s clock',
    COMMENT COLUMN decided_at 'when it was decided, by the worker''s clock',
    COMMENT COLUMN published_at 'when the decision was published, by the broker''s clock',
    COMMENT COLUMN inserted_at 'when the row was inserted, by the analytics stage''s clock';

-- A view has types of its own for its columns: those that show such names are made again.
CREATE OR REPLACE VIEW article_channel_outcome_by_hour AS
SELECT
    toStartOfHour(decided_at)                                           AS hour,
    article,
    channel,
    outcome,
    countIf(disposition = 'first')                                      AS first,
    countIf(disposition = 'resend')                                     AS resend,
    countIf(disposition = 'conflict')                                   AS conflict,
    sumIf(fee_paid_fils, disposition = 'first' AND outcome = 'approved') AS fees_fils
FROM decision
GROUP BY hour, article, channel, outcome
COMMENT 'Decisions of an hour by the article that the application states, by the channel that sent it and by outcome. A conflict is always a rejection; fees_fils is what approved applications paid.';

CREATE OR REPLACE VIEW decision_latency AS
SELECT
    toStartOfHour(decided_at)                                  AS hour,
    disposition,
    dateDiff('microsecond', received_at, decided_at) / 1000    AS received_to_decided_ms,
    dateDiff('microsecond', decided_at, inserted_at) / 1000    AS decided_to_queryable_ms,
    dateDiff('microsecond', received_at, inserted_at) / 1000   AS received_to_queryable_ms
FROM decision
COMMENT 'One row for each decision: milliseconds from the broker to the decision, and on to where analysts can ask. Each stage has its own clock, so a small negative number is a difference of clocks.';

-- One row for each message of a channel that could not be read. Neither its key nor its field
-- is here: both are the sender's, and may hold anything.
CREATE TABLE IF NOT EXISTS unreadable (
    cause_topic     LowCardinality(String) COMMENT 'the message that could not be read: its topic',
    cause_partition Int32 COMMENT 'its partition',
    cause_offset    Int64 COMMENT 'its offset' CODEC(Delta, LZ4),
    log_topic       LowCardinality(String) COMMENT 'the topic on which it was answered',
    log_partition   Int32,
    log_offset      Int64 CODEC(Delta, LZ4),
    channel         LowCardinality(String) COMMENT 'who sent it: by the topic of the message',
    rule            LowCardinality(String) COMMENT 'the rule of form that it breaks',
    simulation      Bool COMMENT 'whether the installation is a simulation',
    received_at     DateTime64(6, 'Asia/Kuwait') COMMENT 'when the message was received, by the broker''s clock' CODEC(Delta, LZ4),
    published_at    DateTime64(6, 'Asia/Kuwait') COMMENT 'when it was answered, by the broker''s clock' CODEC(Delta, LZ4),
    inserted_at     DateTime64(6, 'Asia/Kuwait') COMMENT 'when the row was inserted, by the analytics stage''s clock' CODEC(Delta, LZ4)
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (cause_topic, cause_partition, cause_offset)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'One row for each message that could not be read as the contract says.';

CREATE OR REPLACE VIEW unreadable_by_hour AS
SELECT
    toStartOfHour(received_at)  AS hour,
    channel,
    rule,
    count()                     AS messages
FROM unreadable
GROUP BY hour, channel, rule
COMMENT 'Messages of an hour that could not be read, by channel and by the rule that they break. The hour is that in which the broker received them.';

-- What the installation is; a row where it is a simulation.
CREATE TABLE IF NOT EXISTS installation (simulated Bool)
ENGINE = MergeTree
ORDER BY tuple()
COMMENT 'One row that says true where the installation is a simulation, and its rows hold for nobody.';

-- How far the analytics stage has read: one row at intervals for each partition of the
-- decisions topics that is assigned to it, also while no message comes. Only the newest
-- row of a partition counts; merges remove the others. They come again within seconds, so
-- those of the one topic that there was before are not kept.
DROP TABLE IF EXISTS sink_position;
CREATE TABLE sink_position (
    log_topic       LowCardinality(String),
    log_partition   Int32,
    log_offset      Int64 COMMENT 'everything that lies before it on the decisions topic is in',
    complete_until  DateTime64(6, 'Asia/Kuwait') COMMENT 'the sink saw then that nothing lay behind log_offset',
    partitions      Int32 COMMENT 'how many partitions all decisions topics had together',
    topics_known_at DateTime64(6, 'Asia/Kuwait') COMMENT 'when the sink last asked which topics there are'
)
ENGINE = ReplacingMergeTree(complete_until)
ORDER BY (log_topic, log_partition);

-- A partition is complete up to the moment at which the analytics stage last saw its end,
-- or at which the last inserted decision was published, whichever is later: decisions are
-- inserted in the order in which they were published. All partitions are complete up to
-- the earliest of these moments, and no further than to when somebody last asked which
-- topics there are: a channel that was added since may have decisions that nobody has read.
-- The moments are read from two clocks, the analytics stage's and the broker's.
CREATE OR REPLACE VIEW complete_up_to AS
SELECT
    if(max(p.partitions) > 0 AND count() >= max(p.partitions), least(min(p.until), max(p.known_at)), toDateTime64(0, 6, 'Asia/Kuwait')) AS complete_up_to,
    max(p.partitions)  AS partitions,
    count()            AS partitions_seen
FROM
(
    SELECT log_topic, log_partition, max(complete_until) AS until, max(partitions) AS partitions, max(topics_known_at) AS known_at
    FROM
    (
        SELECT log_topic, log_partition, complete_until, partitions, topics_known_at FROM sink_position
        UNION ALL
        SELECT log_topic, log_partition, max(published_at), 0, toDateTime64(0, 6, 'Asia/Kuwait') FROM decision GROUP BY log_topic, log_partition
    )
    GROUP BY log_topic, log_partition
) AS p
COMMENT 'Every decision, and every message that cannot be read, whose answer was published before complete_up_to is in, however quiet a partition is. 1970 while a partition of a decisions topic has never been read: it may hold anything.';

-- What verify compares, one text of each for all stores. The fingerprint is of what the record
-- has of a decision; the channel is in the topic's name. The place is where the decision lies on
-- its topic, since when, and what else every answer says. The persons are pseudonyms.
CREATE OR REPLACE VIEW decision_fingerprint AS
SELECT
    cause_topic, cause_partition, cause_offset,
    reinterpretAsInt64(halfMD5(concatWithSeparator('|',
        toString(cause_offset), toString(application_id), toString(disposition), toString(outcome),
        arrayStringConcat(reasons, ','), policy,
        kind, toString(article), toString(months), toString(fee_due_fils), toString(fee_paid_fils),
        toString(ifNull(toInt32(old_expiry), 0)), toString(ifNull(toInt32(new_expiry), 0)),
        toString(toUnixTimestamp64Micro(submitted_at)),
        toString(toUnixTimestamp64Micro(received_at)),
        toString(toUnixTimestamp64Micro(decided_at))))) AS fingerprint,
    reinterpretAsInt64(halfMD5(concatWithSeparator('|',
        toString(cause_offset), log_topic, toString(log_partition), toString(log_offset),
        toString(toUnixTimestamp64Micro(published_at)), channel, toString(revision), toString(simulation)))) AS place,
    reinterpretAsInt64(halfMD5(concatWithSeparator('|',
        toString(cause_offset), toString(person), toString(sponsor)))) AS persons
FROM decision
COMMENT 'For operations: what `tajdeed verify` compares with the record. Two rows of one decision have the same fingerprint.';
