-- The register: residents, their residencies and their sponsors. It begins as an
-- import and changes by messages only. No names are kept: nothing that is decided
-- needs them.

-- +goose Up
CREATE TABLE sponsor (
    sponsor_id bigint PRIMARY KEY,
    kind       text   NOT NULL,
    -- The article of the sponsor's own residency, where the sponsor is a resident:
    -- the fee of a family member depends on it.
    article    smallint,
    CONSTRAINT sponsor_id_has_nine_digits CHECK (sponsor_id BETWEEN 100000000 AND 999999999),
    CONSTRAINT sponsor_kind_is_known CHECK (kind IN (
        'company', 'government', 'mission', 'kuwaiti_household', 'expatriate_household', 'resident', 'self'))
);

CREATE TABLE resident (
    civil_id            bigint PRIMARY KEY,
    passport_number     text   NOT NULL,
    passport_country    text   NOT NULL,
    passport_expires_on date   NOT NULL,
    CONSTRAINT civil_id_has_twelve_digits CHECK (civil_id BETWEEN 200000000000 AND 399999999999)
);

-- A resident has at most one residency. Its row is what a batch locks before it
-- decides anything about the resident.
CREATE TABLE residency (
    civil_id   bigint   PRIMARY KEY REFERENCES resident,
    article    smallint NOT NULL,
    sponsor_id bigint   NOT NULL REFERENCES sponsor,
    relation   text     NOT NULL,
    expires_on date     NOT NULL,
    CONSTRAINT relation_is_known CHECK (relation IN (
        'employee', 'domestic_worker', 'spouse_or_child', 'other_relative', 'self'))
)
-- A renewal changes expires_on alone, which is in no index: with room on its page
-- the new row stays there (a HOT update) and no index is touched.
WITH (fillfactor = 85);

-- Which extracts were imported: the record is an import and the log after it.
CREATE TABLE register_import (
    digest      bytea       PRIMARY KEY,
    sponsors    bigint      NOT NULL,
    residents   bigint      NOT NULL,
    residencies bigint      NOT NULL,
    skipped     bigint      NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT digest_is_sha256 CHECK (octet_length(digest) = 32)
);
