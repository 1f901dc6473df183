-- Residents and residencies are copied into these tables before each resident is one row.
CREATE TEMPORARY TABLE extract_resident (
    civil_id            bigint NOT NULL,
    passport_number     text   NOT NULL,
    passport_country    text   NOT NULL,
    passport_expires_on date   NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE extract_residency (
    civil_id   bigint   NOT NULL,
    article    smallint NOT NULL,
    sponsor_id bigint   NOT NULL,
    relation   text     NOT NULL,
    expires_on date     NOT NULL
) ON COMMIT DROP;
