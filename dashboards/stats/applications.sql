-- Applications of a span by article, channel and outcome.
SELECT
    t.article        AS article,
    t.channel        AS channel,
    t.outcome        AS outcome,
    sum(t.first)     AS first,
    sum(t.resend)    AS resend,
    sum(t.conflict)  AS conflict,
    sum(t.fees_fils) AS fees_fils
FROM article_channel_outcome_by_hour AS t
WHERE t.hour >= {since:DateTime('Asia/Kuwait')} AND t.hour < {until:DateTime('Asia/Kuwait')}
GROUP BY article, channel, outcome
ORDER BY article, channel, outcome
