-- The planner's statistics are from when the tables were empty. Then every reference is
-- checked in one query, and from here on row by row again.
ANALYZE sponsor, resident;
ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey ENFORCED;
