-- Those of a batch's receipts that an approved application has spent.
SELECT fee_receipt
FROM decision
WHERE fee_receipt COLLATE "C" = ANY ($1::text[])
  AND outcome = 'approved' AND fee_receipt IS NOT NULL AND NOT receipt_spent_before
