-- How long each stage took in a span, over all its decisions: percentiles of hours
-- cannot be added up.
SELECT
    stage,
    count()                 AS messages,
    quantileExact(0.5)(ms)  AS p50_ms,
    quantileExact(0.9)(ms)  AS p90_ms,
    quantileExact(0.99)(ms) AS p99_ms,
    max(ms)                 AS max_ms
FROM decision_latency
ARRAY JOIN
    ['received_to_decided', 'decided_to_queryable', 'received_to_queryable'] AS stage,
    [received_to_decided_ms, decided_to_queryable_ms, received_to_queryable_ms] AS ms,
    [1, 2, 3] AS place
WHERE hour >= {since:DateTime('Asia/Kuwait')} AND hour < {until:DateTime('Asia/Kuwait')}
GROUP BY stage
ORDER BY min(place)
