-- Every decision, by the message that caused it.
SELECT topic, partition, "offset", application_id, disposition, outcome, reasons,
       coalesce(old_expiry - date '1970-01-01', 0), coalesce(new_expiry - date '1970-01-01', 0)
FROM decision
