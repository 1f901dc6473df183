-- Applications and what became of them.

-- +goose Up
-- One row for each application_id: the first application that came under it.
CREATE TABLE application (
    application_id      uuid        PRIMARY KEY,
    civil_id            bigint      NOT NULL,
    kind                text        NOT NULL,
    article             smallint    NOT NULL,
    sponsor_id          bigint      NOT NULL,
    months              smallint    NOT NULL,
    passport_number     text        NOT NULL,
    passport_country    text        NOT NULL,
    passport_expires_on date        NOT NULL,
    channel             text        NOT NULL,
    submitted_by        text        NOT NULL,
    submitted_at        timestamptz NOT NULL,
    -- The payment and the cover that the application stated; null where none was.
    fee_receipt         text,
    fee_paid_fils       bigint,
    fee_paid_at         timestamptz,
    insurance_policy    text,
    insurance_from      date,
    insurance_to        date,
    -- SHA-256 of the application's content: the same id with another digest is a
    -- conflict, with the same it was sent again.
    digest              bytea       NOT NULL,
    -- The position of the message that was decided first: the key of its row in decision.
    topic               text        COLLATE "C" NOT NULL,
    partition           int         NOT NULL,
    "offset"            bigint      NOT NULL,
    CONSTRAINT digest_is_sha256 CHECK (octet_length(digest) = 32),
    CONSTRAINT payment_is_whole CHECK (num_nulls(fee_receipt, fee_paid_fils, fee_paid_at) IN (0, 3)),
    CONSTRAINT cover_is_whole CHECK (num_nulls(insurance_policy, insurance_from, insurance_to) IN (0, 3))
);

-- One row for each message that was decided, under the position that caused it:
-- the receipt, the audit trail and what the decisions topic is published from.
-- Rows are only ever added.
CREATE TABLE decision (
    topic          text        COLLATE "C" NOT NULL,
    partition      int         NOT NULL,
    "offset"       bigint      NOT NULL,
    application_id uuid        NOT NULL,
    disposition    text        NOT NULL,
    outcome        text        NOT NULL,
    reasons        text[]      NOT NULL,
    policy         text        NOT NULL,
    civil_id       bigint      NOT NULL,
    kind           text        NOT NULL,
    article        smallint    NOT NULL,
    sponsor_id     bigint      NOT NULL,
    months         smallint    NOT NULL,
    channel        text        NOT NULL,
    fee_due_fils   bigint      NOT NULL,
    fee_paid_fils  bigint      NOT NULL,
    old_expiry     date,
    new_expiry     date,
    submitted_at   timestamptz NOT NULL,
    received_at    timestamptz NOT NULL,
    decided_at     timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, "offset"),
    CONSTRAINT disposition_is_known CHECK (disposition IN ('first', 'resend', 'conflict')),
    CONSTRAINT outcome_is_known CHECK (outcome IN ('approved', 'rejected')),
    CONSTRAINT rejection_has_reasons CHECK ((outcome = 'rejected') = (cardinality(reasons) > 0)),
    CONSTRAINT approval_has_expiry CHECK ((outcome = 'approved') = (new_expiry IS NOT NULL))
);

-- An application that was sent again or conflicts is asked for by its id; the first
-- decision is found through application.
CREATE INDEX decision_repeated ON decision (application_id) WHERE disposition <> 'first';
