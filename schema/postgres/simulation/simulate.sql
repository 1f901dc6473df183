-- The installation becomes a simulation if its record is empty, or stays one.
UPDATE installation
SET simulated = simulated OR NOT (
    EXISTS (SELECT FROM register_import) OR EXISTS (SELECT FROM resident) OR EXISTS (SELECT FROM sponsor)
    OR EXISTS (SELECT FROM decision) OR EXISTS (SELECT FROM quarantined) OR EXISTS (SELECT FROM batch)
    OR EXISTS (SELECT FROM position WHERE next_offset > first_offset))
RETURNING simulated
