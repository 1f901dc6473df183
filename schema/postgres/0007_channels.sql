-- A message's channel is what its topic says, and an installation knows whether it is a
-- simulation. Nobody has a record of the one topic that there was before for all channels;
-- rows of such a record stay, with a channel that says nothing.

-- +goose Up
DROP VIEW application;
ALTER TABLE decision DROP COLUMN channel;

-- A channel's name is the last part of its topics' names; it holds no dot.
CREATE FUNCTION channel_of(topic text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN substring(topic FROM '[^.]*$');

-- For queries about applications: the first message under each id.
CREATE VIEW application AS
SELECT application_id, civil_id, kind, article, sponsor_id, months,
       passport_number, passport_country, passport_expires_on,
       channel_of(topic) AS channel, submitted_by, submitted_at,
       fee_receipt, CASE WHEN fee_receipt IS NOT NULL THEN fee_paid_fils END AS fee_paid_fils, fee_paid_at,
       insurance_policy, insurance_from, insurance_to,
       digest, topic, partition, "offset"
FROM decision
WHERE disposition = 'first';

CREATE TRIGGER application_is_no_row INSTEAD OF INSERT OR UPDATE OR DELETE ON application
FOR EACH ROW EXECUTE FUNCTION refuse_application();

-- What an installation is, decided once while its record is empty. One row.
CREATE TABLE installation (
    is_one    boolean PRIMARY KEY DEFAULT true,
    -- Its people are made up and live in another year: the time at which a channel says that
    -- an application was submitted is not held against the broker's, and every answer says so.
    simulated boolean NOT NULL,
    CONSTRAINT installation_is_one CHECK (is_one)
);
INSERT INTO installation (simulated) VALUES (false);
