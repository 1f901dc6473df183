-- A small set for tests, made by hand, more than a year old: the pace doesn't see it.
-- Times are Kuwait's, three hours ahead of UTC, where the first two days are one.
INSERT INTO decision (
    cause_topic, cause_partition, cause_offset, log_partition, log_offset, application_id,
    disposition, outcome, reasons, policy, kind, article, months, channel, person, sponsor,
    fee_due_fils, fee_paid_fils, submitted_at, received_at, decided_at, published_at, inserted_at) VALUES
    -- The last moment of a day.
    ('t.submissions', 0, 0, 0, 0, '00000000-0000-4000-8000-000000000001', 'first', 'approved', [], 'p', 'renewal', 18, 12, 'mobile_app', 1, 1, 20000, 20000,
     '2024-11-03 23:59:58', '2024-11-03 23:59:59.900', '2024-11-03 23:59:59.910', '2024-11-03 23:59:59.915', '2024-11-04 00:00:00.410'),
    -- The next day, and the same in UTC. One with two reasons, sent again, and another under its id.
    ('t.submissions', 0, 1, 0, 1, '00000000-0000-4000-8000-000000000002', 'first', 'approved', [], 'p', 'renewal', 18, 12, 'mobile_app', 2, 1, 20000, 20000,
     '2024-11-04 00:30:00', '2024-11-04 00:30:00', '2024-11-04 00:30:00.020', '2024-11-04 00:30:00.025', '2024-11-04 00:30:00.620'),
    ('t.submissions', 0, 2, 0, 2, '00000000-0000-4000-8000-000000000003', 'first', 'rejected', ['fee_mismatch', 'insurance_short'], 'p', 'renewal', 18, 12, 'mobile_app', 3, 1, 20000, 10000,
     '2024-11-04 00:31:00', '2024-11-04 00:31:00', '2024-11-04 00:31:00.030', '2024-11-04 00:31:00.035', '2024-11-04 00:31:00.730'),
    ('t.submissions', 0, 3, 0, 3, '00000000-0000-4000-8000-000000000003', 'resend', 'rejected', ['fee_mismatch', 'insurance_short'], 'p', 'renewal', 18, 12, 'mobile_app', 3, 1, 20000, 10000,
     '2024-11-04 00:31:00', '2024-11-04 00:32:00', '2024-11-04 00:32:00.040', '2024-11-04 00:32:00.045', '2024-11-04 00:32:00.840'),
    ('t.submissions', 1, 0, 1, 0, '00000000-0000-4000-8000-000000000003', 'conflict', 'rejected', ['application_conflict'], 'p', 'renewal', 22, 12, 'counter', 4, 2, 0, 20000,
     '2024-11-04 00:33:00', '2024-11-04 00:33:00', '2024-11-04 00:33:00.050', '2024-11-04 00:33:00.055', '2024-11-04 00:33:00.950'),
    -- An hour from its first moment to its last.
    ('t.submissions', 1, 1, 1, 1, '00000000-0000-4000-8000-000000000004', 'first', 'approved', [], 'p', 'renewal', 20, 12, 'counter', 5, 3, 10000, 10000,
     '2024-11-04 09:59:59', '2024-11-04 09:59:59.995', '2024-11-04 10:00:00', '2024-11-04 10:00:00.001', '2024-11-04 10:00:00.100'),
    ('t.submissions', 1, 2, 1, 2, '00000000-0000-4000-8000-000000000004', 'resend', 'approved', [], 'p', 'renewal', 20, 12, 'counter', 5, 3, 10000, 10000,
     '2024-11-04 09:59:59', '2024-11-04 10:15:00', '2024-11-04 10:15:00.005', '2024-11-04 10:15:00.006', '2024-11-04 10:15:00.105'),
    ('t.submissions', 1, 3, 1, 3, '00000000-0000-4000-8000-000000000005', 'first', 'rejected', ['fee_mismatch'], 'p', 'renewal', 20, 24, 'counter', 6, 3, 20000, 10000,
     '2024-11-04 10:59:58', '2024-11-04 10:59:58.999999', '2024-11-04 10:59:59.999999', '2024-11-04 11:00:00', '2024-11-04 11:00:00.099999')
