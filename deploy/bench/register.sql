-- Adds to the register $1 residents with residencies, for whom nobody applies. Their
-- Civil IDs are valid ones, spread over the birth dates of the simulation's residents,
-- with serials from 1,000 on: below lie the simulation's own, and from 9,000 on those
-- that must stay unknown. Everyone born on any date has serial 1,000 before anyone has
-- 1,001. See schema/civilid.go for the digits' meaning and weights.
WITH births AS MATERIALIZED (
    SELECT place, digits::bigint * 10000 AS number,
           (SELECT sum(substr(digits, i, 1)::int * (array[2, 1, 6, 3, 7, 9, 10])[i]) FROM generate_series(1, 7) AS i) AS weight
    FROM (
        SELECT place, extract(year FROM birth)::int / 100 - 17 || to_char(birth, 'YYMMDD') AS digits
        FROM generate_series(0, 33000) AS place, LATERAL (SELECT date '1935-01-01' + place AS birth) AS born
    ) AS dates
), numbers AS (
    -- Nine serials in eleven have a check digit; a few more are made than are wanted.
    SELECT number + serial AS eleven,
           11 - (weight + serial / 1000 * 5 + serial / 100 % 10 * 8 + serial / 10 % 10 * 4 + serial % 10 * 2) % 11 AS digit
    FROM generate_series(0, $1::bigint * 5 / 4 + 10000) AS n
    JOIN births ON place = n % 33001,
    LATERAL (SELECT 1000 + n / 33001 AS serial) AS serials
)
INSERT INTO resident (civil_id, passport_number, passport_country, passport_expires_on,
                      article, sponsor_id, relation, expires_on)
SELECT eleven * 10 + digit, 'G' || lpad((eleven % 10000000)::text, 7, '0'), 'IND', date '2040-01-01',
       18, (SELECT min(sponsor_id) FROM sponsor WHERE kind = 'company'), 'employee',
       date '2026-01-01' + (eleven % 365)::int
FROM numbers
WHERE digit < 10
LIMIT $1
