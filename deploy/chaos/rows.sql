-- Every row that a query sees without FINAL: a decision that has two rows is counted
-- twice.
SELECT cause_partition, cause_offset, application_id, toString(disposition), toString(outcome), reasons,
       ifNull(toInt32(old_expiry), 0), ifNull(toInt32(new_expiry), 0)
FROM decision
WHERE cause_topic = $1
