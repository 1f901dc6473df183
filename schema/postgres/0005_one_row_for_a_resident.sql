-- A resident is one row, with the residency in it: an application finds both by looking
-- once. Looking for rows is most of what an application costs the record.

-- +goose Up
-- All residents are written anew while nobody may use the tables: run it with the stages
-- stopped. 450,000 take seconds; many millions take longer than any statement of a stage.
SET LOCAL statement_timeout = 0;

-- A worker that still runs waits here, and then fails: it must not renew what was copied.
LOCK TABLE residency, resident IN ACCESS EXCLUSIVE MODE;
ALTER TABLE resident RENAME TO resident_before;

-- A resident has at most one residency. The row is what a batch locks before it decides
-- anything about the resident. A renewal changes expires_on alone, which is in no index:
-- with room on its page the new version stays there (a HOT update) and no index is
-- touched. Columns of fixed width come first, where they are found without a search.
CREATE TABLE resident (
    civil_id            bigint NOT NULL,
    -- The residency; null where there is none.
    sponsor_id          bigint,
    expires_on          date,
    passport_expires_on date   NOT NULL,
    article             smallint,
    relation            text,
    passport_number     text   NOT NULL,
    passport_country    text   NOT NULL
)
WITH (fillfactor = 70); -- see register/leave_room.sql

INSERT INTO resident
SELECT r.civil_id, y.sponsor_id, y.expires_on, r.passport_expires_on, y.article, y.relation,
       r.passport_number, r.passport_country
FROM resident_before r
LEFT JOIN residency y USING (civil_id);

DROP TABLE residency;
DROP TABLE resident_before;
ALTER TABLE resident RESET (fillfactor);
ALTER TABLE resident
    ADD CONSTRAINT resident_pkey PRIMARY KEY (civil_id),
    ADD CONSTRAINT resident_sponsor_id_fkey FOREIGN KEY (sponsor_id) REFERENCES sponsor,
    ADD CONSTRAINT civil_id_has_twelve_digits CHECK (civil_id BETWEEN 200000000000 AND 399999999999),
    ADD CONSTRAINT residency_is_whole CHECK (num_nulls(sponsor_id, expires_on, article, relation) IN (0, 4)),
    ADD CONSTRAINT relation_is_known CHECK (relation IN (
        'employee', 'domestic_worker', 'spouse_or_child', 'other_relative', 'self'));
ANALYZE resident;

-- For queries about residencies. To delete from it would delete residents.
CREATE VIEW residency AS
SELECT civil_id, article, sponsor_id, relation, expires_on
FROM resident
WHERE expires_on IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION refuse_residency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a residency is part of its resident''s row: set its columns there to null'
        USING ERRCODE = 'feature_not_supported';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER residency_is_no_row INSTEAD OF DELETE ON residency
FOR EACH ROW EXECUTE FUNCTION refuse_residency();
