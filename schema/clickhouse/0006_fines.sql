-- A decision says what a late renewal owes beside the fee.

-- +goose Up
ALTER TABLE decision
    ADD COLUMN IF NOT EXISTS fine_due_fils Int64 COMMENT 'what a late renewal owes beside the fee; 0 for one in time' AFTER fee_due_fils;

-- What verify compares, as before, with the fine in the fingerprint.
CREATE OR REPLACE VIEW decision_fingerprint AS
SELECT
    cause_topic, cause_partition, cause_offset,
    reinterpretAsInt64(halfMD5(concatWithSeparator('|',
        toString(cause_offset), toString(application_id), toString(disposition), toString(outcome),
        arrayStringConcat(reasons, ','), policy,
        kind, toString(article), toString(months), toString(fee_due_fils), toString(fine_due_fils), toString(fee_paid_fils),
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
