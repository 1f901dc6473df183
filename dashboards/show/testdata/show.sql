-- Applications for the tests of show, by the last digit of their ids: 1 was approved
-- and sent again, and its id was taken for another; 2 was rejected and is not
-- announced yet; 3 stated neither payment nor insurance, for nobody in the register; 4
-- cannot be read, twice; of 1 a first message could not be read either; 5 came late and was
-- approved with its fine.
INSERT INTO position (topic, partition, first_offset, published_offset, next_offset) VALUES
    ('t.submissions.company_portal', 0, 0, 10, 20),
    ('t.submissions.mobile_app', 0, 0, 10, 20),
    ('t.submissions.counter', 1, 0, 10, 10);

INSERT INTO decision (topic, partition, "offset", application_id, disposition, outcome, reasons, policy,
    civil_id, kind, article, sponsor_id, months, fee_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at, decided_at,
    passport_number, passport_country, passport_expires_on, submitted_by,
    fee_receipt, fee_paid_at, insurance_policy, insurance_from, insurance_to, digest) VALUES
    ('t.submissions.company_portal', 0, 3, '00000000-0000-4000-8000-000000000001', 'first', 'approved', '{}', '2249/2025',
     285010112341, 'renewal', 18, 123456789, 12, 20000, 20000, '2026-12-01', '2027-12-01',
     '2026-11-22 21:30:00Z', '2026-11-22 21:30:01Z', '2026-11-22 21:30:01.012Z',
     'Z1234567', 'IND', '2031-05-01', 'clerk-7',
     'KNET-1', '2026-11-22 21:29:00Z', 'HI-1', '2026-12-02', '2027-12-31', sha256('1')),
    ('t.submissions.company_portal', 0, 5, '00000000-0000-4000-8000-000000000001', 'resend', 'approved', '{}', '2249/2025',
     285010112341, 'renewal', 18, 123456789, 12, 20000, 20000, '2026-12-01', '2027-12-01',
     '2026-11-22 21:30:00Z', '2026-11-22 21:35:00Z', '2026-11-22 21:35:00.009Z',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('t.submissions.counter', 1, 2, '00000000-0000-4000-8000-000000000001', 'conflict', 'rejected', '{application_conflict}', '2249/2025',
     299123198765, 'renewal', 22, 987654321, 24, 0, 40000, '2026-12-01', NULL,
     '2026-11-22 21:36:00Z', '2026-11-22 21:36:01Z', '2026-11-22 21:36:01.250Z',
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('t.submissions.mobile_app', 0, 12, '00000000-0000-4000-8000-000000000002', 'first', 'rejected', '{passport_too_short,fee_mismatch,insurance_short}', '2249/2025',
     285010112341, 'renewal', 18, 123456789, 12, 20000, 10000, '2027-12-01', NULL,
     '2026-11-22 21:31:00Z', '2026-11-22 21:31:02Z', '2026-11-22 21:31:02.020Z',
     'Z1234567', 'IND', '2027-05-01', 'self',
     'KNET-2', '2026-11-22 21:29:00Z', 'HI-2', '2026-12-02', '2027-06-30', sha256('2')),
    ('t.submissions.counter', 1, 4, '00000000-0000-4000-8000-000000000003', 'first', 'rejected', '{identity_mismatch,a_later_reason}', '2249/2025',
     299123198765, 'renewal', 22, 987654321, 12, 0, 0, NULL, NULL,
     '2026-11-22 21:32:00Z', '2026-11-22 21:32:01Z', '2026-11-22 21:32:01.700Z',
     'P7654321', 'EGY', '2030-01-31', 'desk-2',
     NULL, NULL, NULL, NULL, NULL, sha256('3'));

INSERT INTO decision (topic, partition, "offset", application_id, disposition, outcome, reasons, policy,
    civil_id, kind, article, sponsor_id, months, fee_due_fils, fine_due_fils, fee_paid_fils, old_expiry, new_expiry,
    submitted_at, received_at, decided_at,
    passport_number, passport_country, passport_expires_on, submitted_by,
    fee_receipt, fee_paid_at, insurance_policy, insurance_from, insurance_to, digest) VALUES
    ('t.submissions.counter', 1, 3, '00000000-0000-4000-8000-000000000005', 'first', 'approved', '{}', '2249/2025',
     285010112341, 'renewal', 18, 123456789, 12, 20000, 4000, 24000, '2026-11-20', '2027-11-20',
     '2026-11-22 21:37:00Z', '2026-11-22 21:37:01Z', '2026-11-22 21:37:01.015Z',
     'Z1234567', 'IND', '2031-05-01', 'desk-2',
     'KNET-5', '2026-11-22 21:36:00Z', 'HI-5', '2026-11-21', '2027-12-31', sha256('5'));

INSERT INTO quarantined (topic, partition, "offset", rule, field, detail, key, value, header_keys, header_values, received_at) VALUES
    ('t.submissions.company_portal', 0, 2, 'missing_field', 'months', 'required', '285010112341',
     '{"application_id": "00000000-0000-4000-8000-000000000001", "civil_id": "285010112341"}', '{}', '{}', '2026-11-22 21:29:30Z'),
    ('t.submissions.counter', 1, 5, 'not_json', '', 'no JSON value at byte 0', NULL, '\xff', '{ce_id}', ARRAY['00000000-0000-4000-8000-000000000004']::bytea[], '2026-11-22 21:40:00Z'),
    ('t.submissions.mobile_app', 0, 11, 'wrong_type', 'fee.amount_fils', 'a string where a number belongs', '285010112341',
     '{"application_id":"00000000-0000-4000-8000-000000000004","civil_id":"285010112341","fee":{"amount_fils":"20000"}}', '{}', '{}', '2026-11-22 21:41:00Z'),
    ('t.submissions.mobile_app', 0, 12, 'not_json', '', 'an empty message', NULL, NULL, '{}', '{}', '2026-11-22 21:42:00Z');
