-- The import of an extract. $1 is its digest.
SELECT sponsors, residents, residencies, skipped, imported_at FROM register_import WHERE digest = $1;
