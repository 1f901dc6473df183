-- Stores an import under its extract's digest.
INSERT INTO register_import (digest, sponsors, residents, residencies, skipped)
VALUES ($1, $2, $3, $4, $5)
RETURNING imported_at;
