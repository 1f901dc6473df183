-- Where every partition stands, in which order batches took effect, and what could
-- not be read.

-- +goose Up
-- One row for each partition that a stage reads. It moves in the transaction that
-- applies a batch, from the batch's first offset to the one after its last, and
-- only if it stood there: a worker that lost its partition finds it moved.
CREATE TABLE position (
    topic            text   COLLATE "C" NOT NULL,
    partition        int    NOT NULL,
    next_offset      bigint NOT NULL,
    -- Everything that the messages before this offset caused to be announced has
    -- been published. It follows next_offset, never the other way round.
    published_offset bigint NOT NULL,
    -- Where the record of this partition begins: the offset of the first message
    -- that was read. Nothing before it is accounted for.
    first_offset     bigint NOT NULL,
    -- Offsets between the first and the next that have no message: the markers of
    -- transactions and what aborted ones left.
    skipped          bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition),
    CONSTRAINT published_follows CHECK (published_offset <= next_offset),
    CONSTRAINT begins_before CHECK (first_offset <= published_offset)
)
-- Updated with every batch; what changes is in no index.
WITH (fillfactor = 20);

-- The order in which batches took effect, across partitions. A row is written while
-- its batch holds its locks, so that for any two batches that touch the same rows
-- the sequence is the order of their effects.
CREATE TABLE batch (
    sequence    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        COLLATE "C" NOT NULL,
    partition   int         NOT NULL,
    from_offset bigint      NOT NULL,
    to_offset   bigint      NOT NULL,
    policy      text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT batch_is_not_empty CHECK (from_offset < to_offset)
);

-- Messages that could not be read as the contract says, bytes untouched. The
-- quarantine topic is published from here.
CREATE TABLE quarantined (
    topic          text        COLLATE "C" NOT NULL,
    partition      int         NOT NULL,
    "offset"       bigint      NOT NULL,
    rule           text        NOT NULL,
    field          text        NOT NULL,
    detail         text        NOT NULL,
    key            bytea,
    value          bytea,
    -- Pairs of key and value, in the message's order.
    header_keys    text[]      NOT NULL,
    header_values  bytea[]     NOT NULL,
    received_at    timestamptz NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset"),
    CONSTRAINT headers_are_pairs CHECK (cardinality(header_keys) = cardinality(header_values))
);
