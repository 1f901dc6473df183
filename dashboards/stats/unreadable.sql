-- Messages of a span that could not be read, by channel and rule.
SELECT
    t.channel       AS channel,
    t.rule          AS rule,
    sum(t.messages) AS messages
FROM unreadable_by_hour AS t
WHERE t.hour >= {since:DateTime('Asia/Kuwait')} AND t.hour < {until:DateTime('Asia/Kuwait')}
GROUP BY channel, rule
ORDER BY channel, messages DESC, rule
