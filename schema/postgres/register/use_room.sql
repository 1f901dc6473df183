-- From here on a page may be filled.
ALTER TABLE residency RESET (fillfactor);
