-- From here on pages may be filled.
ALTER TABLE resident RESET (fillfactor);
