-- A message is one row: what was decided and, where it came first under its id, what it
-- said. It had a row in decision and one in application, twelve columns of both the same:
-- one is a fifth less work for the record.

-- +goose Up
-- All decisions are written anew while nobody may use the tables: run it with the stages
-- stopped. A year needs seconds; many years need longer than any statement of a stage.
SET LOCAL statement_timeout = 0;

-- A worker that still runs waits here, and then fails with the next new application: what
-- it decided after the copy would be lost.
LOCK TABLE application, decision IN ACCESS EXCLUSIVE MODE;
ALTER TABLE decision RENAME TO decision_before;

-- One row for each message that was decided, under the position that caused it: the
-- receipt, the audit trail and what the decisions topic is published from. Rows are only
-- ever added.
CREATE TABLE decision (
    -- The indexed columns come first, with others of fixed width that fit between them:
    -- their place in the row is known without reading what is before.
    partition           int         NOT NULL,
    article             smallint    NOT NULL,
    months              smallint    NOT NULL,
    "offset"            bigint      NOT NULL,
    application_id      uuid        NOT NULL,
    topic               text        COLLATE "C" NOT NULL,
    disposition         text        NOT NULL,

    outcome             text        NOT NULL,
    reasons             text[]      NOT NULL,
    policy              text        NOT NULL,
    fee_due_fils        bigint      NOT NULL,
    old_expiry          date,
    new_expiry          date,
    received_at         timestamptz NOT NULL,
    decided_at          timestamptz NOT NULL,

    -- What the message said.
    civil_id            bigint      NOT NULL,
    sponsor_id          bigint      NOT NULL,
    kind                text        NOT NULL,
    channel             text        NOT NULL,
    submitted_at        timestamptz NOT NULL,
    fee_paid_fils       bigint      NOT NULL,

    -- What else the first message under an id said; null for what repeated it.
    digest              bytea, -- SHA-256 of the application's content: the same id with another digest is a conflict
    passport_expires_on date,
    passport_number     text,
    passport_country    text,
    submitted_by        text,
    -- The payment and the cover; null where none was stated.
    fee_paid_at         timestamptz,
    fee_receipt         text,
    insurance_from      date,
    insurance_to        date,
    insurance_policy    text
);

INSERT INTO decision
SELECT d.partition, d.article, d.months, d."offset", d.application_id, d.topic, d.disposition,
       d.outcome, d.reasons, d.policy, d.fee_due_fils, d.old_expiry, d.new_expiry, d.received_at, d.decided_at,
       d.civil_id, d.sponsor_id, d.kind, d.channel, d.submitted_at, d.fee_paid_fils,
       a.digest, a.passport_expires_on, a.passport_number, a.passport_country, a.submitted_by,
       a.fee_paid_at, a.fee_receipt, a.insurance_from, a.insurance_to, a.insurance_policy
FROM decision_before d
LEFT JOIN application a ON d.disposition = 'first'
    AND a.topic = d.topic AND a.partition = d.partition AND a."offset" = d."offset"
ORDER BY d.topic, d.partition, d."offset";

DROP TABLE decision_before;
DROP TABLE application;
-- What differs most comes first: a decision is found by comparing numbers, and the
-- topic's name, the same in nearly all of them, is looked at last.
ALTER TABLE decision
    ADD CONSTRAINT decision_pkey PRIMARY KEY (partition, "offset", topic),
    ADD CONSTRAINT disposition_is_known CHECK (disposition IN ('first', 'resend', 'conflict')),
    ADD CONSTRAINT outcome_is_known CHECK (outcome IN ('approved', 'rejected')),
    ADD CONSTRAINT rejection_has_reasons CHECK ((outcome = 'rejected') = (cardinality(reasons) > 0)),
    ADD CONSTRAINT approval_has_expiry CHECK ((outcome = 'approved') = (new_expiry IS NOT NULL)),
    ADD CONSTRAINT first_is_whole CHECK (
        num_nulls(digest, passport_expires_on, passport_number, passport_country, submitted_by)
        = CASE disposition WHEN 'first' THEN 0 ELSE 5 END
        AND (disposition = 'first' OR num_nulls(fee_receipt, insurance_policy) = 2)),
    ADD CONSTRAINT digest_is_sha256 CHECK (octet_length(digest) = 32),
    ADD CONSTRAINT payment_is_whole CHECK ((fee_receipt IS NULL) = (fee_paid_at IS NULL)),
    ADD CONSTRAINT cover_is_whole CHECK (
        (insurance_policy IS NULL) = (insurance_from IS NULL) AND (insurance_policy IS NULL) = (insurance_to IS NULL));
-- An id is decided once. What repeats it is asked for by the id too.
CREATE UNIQUE INDEX decision_first ON decision (application_id) WHERE disposition = 'first';
CREATE INDEX decision_repeated ON decision (application_id) WHERE disposition <> 'first';
ANALYZE decision;

-- For queries about applications: the first message under each id.
CREATE VIEW application AS
SELECT application_id, civil_id, kind, article, sponsor_id, months,
       passport_number, passport_country, passport_expires_on,
       channel, submitted_by, submitted_at,
       fee_receipt, CASE WHEN fee_receipt IS NOT NULL THEN fee_paid_fils END AS fee_paid_fils, fee_paid_at,
       insurance_policy, insurance_from, insurance_to,
       digest, topic, partition, "offset"
FROM decision
WHERE disposition = 'first';

-- +goose StatementBegin
CREATE FUNCTION refuse_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an application is part of the row of its decision, which stays as it was written'
        USING ERRCODE = 'feature_not_supported';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER application_is_no_row INSTEAD OF INSERT OR UPDATE OR DELETE ON application
FOR EACH ROW EXECUTE FUNCTION refuse_application();
