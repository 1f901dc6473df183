-- A decision says what a late renewal owes beside the fee.

-- +goose Up
-- 0 for a renewal in time: what must be paid is fee_due_fils + fine_due_fils. Decisions before
-- this edition asked for no fine. The default is a constant, so no row is written anew.
ALTER TABLE decision ADD COLUMN fine_due_fils bigint NOT NULL DEFAULT 0;
