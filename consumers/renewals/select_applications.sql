-- What was decided first under the application ids of a batch.
SELECT a.application_id, a.digest, d.outcome, d.reasons, d.policy, d.fee_due_fils,
       coalesce(d.old_expiry - date '1970-01-01', 0), coalesce(d.new_expiry - date '1970-01-01', 0)
FROM application a
JOIN decision d ON d.topic = a.topic AND d.partition = a.partition AND d."offset" = a."offset"
WHERE a.application_id = ANY ($1::uuid[])
