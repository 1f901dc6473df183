-- Each resident, with the residency where there is one, as the extract has them. A
-- residency without a resident is an error: its row lacks what a resident must have.
INSERT INTO resident (civil_id, passport_number, passport_country, passport_expires_on,
                      article, sponsor_id, relation, expires_on)
SELECT coalesce(r.civil_id, y.civil_id), r.passport_number, r.passport_country, r.passport_expires_on,
       y.article, y.sponsor_id, y.relation, y.expires_on
FROM extract_resident r
FULL JOIN extract_residency y ON y.civil_id = r.civil_id;
