-- Begins an import: a COPY of a whole register needs longer than any statement of
-- a stage may, and a second import waits for the first.
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
LOCK TABLE register_import IN SHARE ROW EXCLUSIVE MODE;
