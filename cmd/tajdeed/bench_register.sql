-- Adds $1 residents with residencies to the register, whom nobody applies for. Their
-- Civil IDs are valid ones, spread over the birth dates of the simulation's residents,
-- with serials from 1,000 on: below lie the simulation's own, and from 9,000 on those
-- that must stay unknown.
WITH weights (digits) AS (
    VALUES (array[2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]::bigint[])
), births AS (
    SELECT date '1935-01-01' + n AS birth FROM generate_series(0, 33000) AS n
), numbers AS (
    -- Nine in eleven have a check digit of one figure; 33,001 dates share the residents.
    SELECT (extract(century FROM birth)::bigint + CASE WHEN extract(year FROM birth)::int % 100 = 0 THEN 1 ELSE 0 END - 18) * 10000000000
           + to_char(birth, 'YYMMDD')::bigint * 10000 + serial AS eleven
    FROM births, generate_series(1000, 1000 + ($1::bigint * 11 / 9 / 33001)::int + 1) AS serial
), checked AS (
    SELECT eleven, 11 - (
        SELECT sum(substr(eleven::text, i, 1)::bigint * digits[i]) FROM generate_series(1, 11) AS i
    ) % 11 AS digit
    FROM numbers, weights
), added AS (
    INSERT INTO resident (civil_id, passport_number, passport_country, passport_expires_on)
    SELECT eleven * 10 + digit, 'G' || lpad((eleven % 10000000)::text, 7, '0'), 'IND', date '2040-01-01'
    FROM checked
    WHERE digit < 10
    LIMIT $1
    RETURNING civil_id
)
INSERT INTO residency (civil_id, article, sponsor_id, relation, expires_on)
SELECT civil_id, 18, (SELECT min(sponsor_id) FROM sponsor WHERE kind = 'company'), 'employee',
       date '2026-01-01' + (civil_id % 365)::int
FROM added
