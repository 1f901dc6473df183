INSERT INTO decision (
    cause_topic, cause_partition, cause_offset, log_topic, log_partition, log_offset,
    application_id, disposition, outcome, reasons, policy, revision, simulation,
    kind, article, months, channel, person, sponsor,
    fee_due_fils, fine_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at, decided_at, published_at, inserted_at)
