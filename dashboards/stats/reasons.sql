-- Why applications of a span were rejected, the commonest first.
SELECT
    t.reason         AS reason,
    sum(t.first)     AS first,
    sum(t.resend)    AS resend,
    sum(t.conflict)  AS conflict
FROM rejection_reason_by_hour AS t
WHERE t.hour >= {since:DateTime('Asia/Kuwait')} AND t.hour < {until:DateTime('Asia/Kuwait')}
GROUP BY reason
ORDER BY first + conflict DESC, reason
