-- The views that analysts read. They count an application once: `first` is how many
-- were seen for the first time, and only these are approved or rejected; `resend`
-- and `conflict` are messages that came later under an application_id that was
-- in use. Hours and days are Kuwait's, of the time of decision. None needs FINAL,
-- because the analytics stage inserts a decision once.

-- +goose Up
CREATE OR REPLACE VIEW throughput_by_hour AS
SELECT
    toStartOfHour(decided_at)                                 AS hour,
    count()                                                   AS messages,
    countIf(disposition = 'first')                            AS first,
    countIf(disposition = 'resend')                           AS resend,
    countIf(disposition = 'conflict')                         AS conflict,
    countIf(disposition = 'first' AND outcome = 'approved')   AS approved,
    countIf(disposition = 'first' AND outcome = 'rejected')   AS rejected
FROM decision
GROUP BY hour
COMMENT 'Decisions of an hour. messages = first + resend + conflict; first = approved + rejected.';

CREATE OR REPLACE VIEW throughput_by_day AS
SELECT
    toDate(h.hour)   AS day,
    sum(h.messages)  AS messages,
    sum(h.first)     AS first,
    sum(h.resend)    AS resend,
    sum(h.conflict)  AS conflict,
    sum(h.approved)  AS approved,
    sum(h.rejected)  AS rejected
FROM throughput_by_hour AS h
GROUP BY day
COMMENT 'Decisions of a day in Kuwait. messages = first + resend + conflict; first = approved + rejected.';

CREATE OR REPLACE VIEW article_channel_outcome_by_hour AS
SELECT
    toStartOfHour(decided_at)                                           AS hour,
    article,
    channel,
    outcome,
    countIf(disposition = 'first')                                      AS first,
    countIf(disposition = 'resend')                                     AS resend,
    countIf(disposition = 'conflict')                                   AS conflict,
    sumIf(fee_paid_fils, disposition = 'first' AND outcome = 'approved') AS fees_fils
FROM decision
GROUP BY hour, article, channel, outcome
COMMENT 'Decisions of an hour by the article and channel that the application states and by outcome. A conflict is always a rejection; fees_fils is what approved applications paid.';

-- A rejection can have several reasons and is counted under each, so the counts of
-- an hour add up to more than its rejections.
CREATE OR REPLACE VIEW rejection_reason_by_hour AS
SELECT
    toStartOfHour(decided_at)          AS hour,
    article,
    channel,
    reason,
    countIf(disposition = 'first')     AS first,
    countIf(disposition = 'resend')    AS resend,
    countIf(disposition = 'conflict')  AS conflict
FROM decision
ARRAY JOIN reasons AS reason
GROUP BY hour, article, channel, reason
COMMENT 'Rejections of an hour by reason. One with several reasons is counted under each.';

-- Percentiles of hours cannot be added up to those of a day: for another span than
-- an hour, take them from here.
CREATE OR REPLACE VIEW decision_latency AS
SELECT
    toStartOfHour(decided_at)                                  AS hour,
    disposition,
    dateDiff('microsecond', received_at, decided_at) / 1000    AS received_to_decided_ms,
    dateDiff('microsecond', decided_at, inserted_at) / 1000    AS decided_to_queryable_ms,
    dateDiff('microsecond', received_at, inserted_at) / 1000   AS received_to_queryable_ms
FROM decision
COMMENT 'One row for each decision: milliseconds from the broker to the decision, and on to where analysts can ask. Each stage has its own clock, so a small negative number is a difference of clocks.';

CREATE OR REPLACE VIEW latency_by_hour AS
SELECT
    hour,
    stage,
    count()                        AS messages,
    quantileExact(0.5)(ms)         AS p50_ms,
    quantileExact(0.9)(ms)         AS p90_ms,
    quantileExact(0.99)(ms)        AS p99_ms,
    max(ms)                        AS max_ms
FROM decision_latency
ARRAY JOIN
    ['received_to_decided', 'decided_to_queryable', 'received_to_queryable'] AS stage,
    [received_to_decided_ms, decided_to_queryable_ms, received_to_queryable_ms] AS ms
GROUP BY hour, stage
COMMENT 'Percentiles of the latency of an hour, in milliseconds, by stage.';

-- 450,000 electronic transactions a year is what the General Department of
-- Residency Affairs says that it serves (source S1).
CREATE OR REPLACE VIEW pace AS
SELECT
    span,
    seconds,
    applications,
    450000 * seconds / 31536000  AS target,
    applications / target        AS share
FROM
(
    SELECT
        countIf(decided_at > now() - INTERVAL 1 HOUR)  AS last_hour,
        countIf(decided_at > now() - INTERVAL 1 DAY)   AS last_day,
        count()                                        AS last_year
    FROM decision
    WHERE disposition = 'first' AND decided_at > now() - INTERVAL 365 DAY
)
ARRAY JOIN
    ['hour', 'day', 'year']           AS span,
    [3600, 86400, 31536000]           AS seconds,
    [last_hour, last_day, last_year]  AS applications
COMMENT 'Applications decided for the first time in the last hour, day and 365 days, beside what 450,000 a year would be in that time.';
