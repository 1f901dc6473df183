-- A reference is checked row by row: that is more than half the time of a COPY of
-- residencies. For the length of the import's transaction it is not; the whole
-- table is checked at the end, by check_references.sql. It needs the table's owner.
ALTER TABLE residency ALTER CONSTRAINT residency_civil_id_fkey NOT ENFORCED;
ALTER TABLE residency ALTER CONSTRAINT residency_sponsor_id_fkey NOT ENFORCED;
