-- The decisions on topics whose names begin so, each by its fingerprint: the first half of
-- the MD5 of what all three stores hold of it, as text. fingerprint.go writes the same text,
-- and so does the view decision_fingerprint in ClickHouse. The person and the sponsor are no
-- part of it: ClickHouse knows them by pseudonyms only. The whole table is read as it lies:
-- its index puts all topics' offsets of a partition together, so one partition of one topic
-- would cost as much as that of all.
SELECT topic, partition, "offset",
       ('x' || left(md5(concat_ws('|',
           "offset", application_id, disposition, outcome, array_to_string(reasons, ','), policy,
           kind, article, months, fee_due_fils, fine_due_fils, fee_paid_fils,
           coalesce(old_expiry - date '1970-01-01', 0), coalesce(new_expiry - date '1970-01-01', 0),
           (extract(epoch FROM submitted_at) * 1000000)::bigint,
           (extract(epoch FROM received_at) * 1000000)::bigint,
           (extract(epoch FROM decided_at) * 1000000)::bigint
       )), 16))::bit(64)::bigint,
       civil_id, sponsor_id
FROM decision
WHERE starts_with(topic, $1)
