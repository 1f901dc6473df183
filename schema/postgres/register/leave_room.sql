-- A renewal writes a new version of its resident onto the same page, if there is room,
-- and removes old ones when less than a tenth of the page is free. With this much room
-- after an import it removes them once in a page's many renewals, not at each of them.
ALTER TABLE resident SET (fillfactor = 70);
