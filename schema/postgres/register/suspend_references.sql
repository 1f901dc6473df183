-- A reference is checked row by row: that is much of the time that residents take. For
-- the length of the import's transaction it is not; the whole table is checked at the
-- end, by check_references.sql. It needs the table's owner.
ALTER TABLE resident ALTER CONSTRAINT resident_sponsor_id_fkey NOT ENFORCED;
