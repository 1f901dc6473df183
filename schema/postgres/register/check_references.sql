-- What the planner knows of the tables is from when they were empty; then every
-- reference is checked in one query each, and from here on row by row again.
ANALYZE sponsor, resident, residency;
ALTER TABLE residency ALTER CONSTRAINT residency_civil_id_fkey ENFORCED;
ALTER TABLE residency ALTER CONSTRAINT residency_sponsor_id_fkey ENFORCED;
