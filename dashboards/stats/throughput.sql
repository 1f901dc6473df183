-- Decisions by hour or day of a span.
SELECT
    if({by:String} = 'day', toStartOfDay(t.hour), t.hour) AS start,
    sum(t.messages)                                       AS messages,
    sum(t.first)                                          AS first,
    sum(t.resend)                                         AS resend,
    sum(t.conflict)                                       AS conflict,
    sum(t.approved)                                       AS approved,
    sum(t.rejected)                                       AS rejected
FROM throughput_by_hour AS t
WHERE t.hour >= {since:DateTime('Asia/Kuwait')} AND t.hour < {until:DateTime('Asia/Kuwait')}
GROUP BY start
ORDER BY start
