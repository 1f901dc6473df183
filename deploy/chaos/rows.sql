-- Every row that analysts see, without FINAL: a row that stands here twice is counted
-- twice.
SELECT cause_partition, cause_offset, application_id, toString(disposition), toString(outcome), reasons,
       ifNull(toInt32(old_expiry), 0), ifNull(toInt32(new_expiry), 0)
FROM decision
WHERE cause_topic = $1
