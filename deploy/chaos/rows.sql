-- Every row that a query sees without FINAL: a decision that has two rows is counted
-- twice.
SELECT cause_topic, cause_partition, cause_offset, application_id, disposition, outcome, reasons,
       ifNull(toInt32(old_expiry), 0), ifNull(toInt32(new_expiry), 0)
FROM decision
