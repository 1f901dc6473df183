-- From here on a page may be filled.
ALTER TABLE resident RESET (fillfactor);
