-- What was decided first under the application ids of a batch.
SELECT application_id, digest, outcome, reasons, policy, fee_due_fils, fine_due_fils,
       coalesce(old_expiry - date '1970-01-01', 0), coalesce(new_expiry - date '1970-01-01', 0)
FROM decision
WHERE application_id = ANY ($1::uuid[]) AND disposition = 'first'
