package renewals

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"tajdeed/schema"
)

// One batch with one of everything leaves exactly these rows.
func TestBatchWithOneOfEverything(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q, without := under2025(), under2025().forResident(otherCivilID)
	without.f.resides = false
	r.register(q.f, without.f)

	again, conflict, faulty, unknown := anew(q.a, 1), q.a, q.a, q.forResident(thirdCivilID).a
	conflict.Months = 24
	faulty.ID, faulty.SponsorID = numbered(2), sponsorID+1
	faulty.Fee, faulty.Insurance = schema.Payment{}, schema.Insurance{}
	messages := log(100, q.a, again, q.a, conflict, q.a, unknown, without.a, faulty, faulty)
	messages[4].Value = []byte(`{"application_id":`)
	b := batch(3, messages...)
	e := r.apply(b)

	r.wantLines(decisionLines,
		"3 100 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
		"3 101 first rejected {window_not_open,insurance_short} 2249-2025@3 20000 20000 2027-04-10 -",
		"3 102 resend approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
		"3 103 conflict rejected {application_conflict} 2249-2025@3 0 20000 - -",
		"3 105 first rejected {identity_mismatch} 2249-2025@3 0 20000 - -",
		"3 106 first rejected {residency_unknown} 2249-2025@3 0 20000 - -",
		"3 107 first rejected {sponsor_mismatch,window_not_open,fee_missing,insurance_missing} 2249-2025@3 20000 0 2027-04-10 -",
		"3 108 resend rejected {sponsor_mismatch,window_not_open,fee_missing,insurance_missing} 2249-2025@3 20000 0 2027-04-10 -",
	)
	r.wantLines(applicationLines,
		"3 100 "+q.a.ID.String(), "3 101 "+again.ID.String(), "3 105 "+unknown.ID.String(),
		"3 106 "+without.a.ID.String(), "3 107 "+faulty.ID.String())
	r.wantLines(residencyLines, fmt.Sprint(civilID, " 2027-04-10"))
	if n := len(b.QuarantineMessages(topics.Quarantine())); n != 1 {
		t.Errorf("%d messages are quarantined, want 1", n)
	}
	if got := e.Policy(0); got != policy2025 {
		t.Errorf("the batch names the policy %q", got)
	}
}

// Every column of every table holds what the message said.
func TestEveryColumn(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	q.a.SubmittedAt = clock("2026-03-15", "09:30:00.123456789")
	r.register(q.f)
	bare := q.a
	bare.ID, bare.Fee, bare.Insurance = numbered(1), schema.Payment{}, schema.Insurance{}
	r.apply(batch(7, log(41, q.a, bare)...))

	full := fmt.Sprintf(`{"application_id": "0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e", "civil_id": 291030104196, "kind": "renewal",
		"article": 18, "sponsor_id": 204118336, "months": 12,
		"passport_number": "P1234567", "passport_country": "IND", "passport_expires_on": "2026-10-10",
		"channel": "counter", "submitted_by": "hr.office@portal", "submitted_at": "2026-03-15T06:30:00.123456+00:00",
		"fee_receipt": "KNET-000001", "fee_paid_fils": 20000, "fee_paid_at": "2026-03-15T06:29:00+00:00",
		"insurance_policy": "MOH-0001", "insurance_from": "2026-04-11", "insurance_to": "2027-04-10",
		"digest": "%s", "topic": "test.submissions.counter", "partition": 7, "offset": 41}`, hexDigest(&q.a))
	r.wantRow(`SELECT to_jsonb(a) || jsonb_build_object('digest', encode(digest, 'hex')) FROM application a WHERE "offset" = 41`, full)
	r.wantRow(`SELECT to_jsonb(a) || jsonb_build_object('digest', encode(digest, 'hex')) FROM application a WHERE "offset" = 42`, changed(t, full, map[string]any{
		"application_id": bare.ID.String(), "offset": 42, "digest": hexDigest(&bare),
		"fee_receipt": nil, "fee_paid_fils": nil, "fee_paid_at": nil,
		"insurance_policy": nil, "insurance_from": nil, "insurance_to": nil,
	}))
	r.wantRow(`SELECT to_jsonb(d) - 'decided_at' - 'receipt_spent_before' || jsonb_build_object('digest', encode(digest, 'hex')) FROM decision d WHERE "offset" = 41`, fmt.Sprintf(
		`{"topic": "test.submissions.counter", "partition": 7, "offset": 41, "application_id": "0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e",
		"disposition": "first", "outcome": "approved", "reasons": [], "policy": "%s",
		"civil_id": 291030104196, "kind": "renewal", "article": 18, "sponsor_id": 204118336, "months": 12,
		"fee_due_fils": 20000, "fine_due_fils": 0, "fee_paid_fils": 20000, "old_expiry": "2026-04-10", "new_expiry": "2027-04-10",
		"submitted_at": "2026-03-15T06:30:00.123456+00:00", "received_at": "2026-03-15T06:30:01.291+00:00",
		"digest": "%s", "passport_number": "P1234567", "passport_country": "IND", "passport_expires_on": "2026-10-10",
		"submitted_by": "hr.office@portal", "fee_receipt": "KNET-000001", "fee_paid_at": "2026-03-15T06:29:00+00:00",
		"insurance_policy": "MOH-0001", "insurance_from": "2026-04-11", "insurance_to": "2027-04-10"}`, policy2025, hexDigest(&q.a)))
	r.wantRow(`SELECT to_jsonb(y) FROM residency y`,
		`{"civil_id": 291030104196, "article": 18, "sponsor_id": 204118336, "relation": "employee", "expires_on": "2027-04-10"}`)
	r.wantLines(`SELECT "offset"::text FROM decision WHERE decided_at NOT BETWEEN now() - interval '1 minute' AND now() + interval '1 second'`)
}

func hexDigest(a *schema.Application) string {
	digest := a.Digest()
	return hex.EncodeToString(digest[:])
}

// wantRow compares one row, as JSON, in every column.
func (r *record) wantRow(sql, want string) {
	r.Helper()
	got := r.lines(`SELECT r::text FROM (` + sql + `) AS x (r)`)
	if len(got) != 1 {
		r.Fatalf("%s: %d rows, want 1", sql, len(got))
	}
	if have, need := object(r, got[0]), object(r, want); !reflect.DeepEqual(have, need) {
		r.Errorf("%s:\n got %v\nwant %v", sql, have, need)
	}
}

func object(t testing.TB, text string) (o map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// changed is a row with other values in some of its columns.
func changed(t testing.TB, row string, values map[string]any) string {
	t.Helper()
	o := object(t, row)
	maps.Copy(o, values)
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What an application reads of its resident is what the one before it left, in
// one batch as in several.
func TestApplicationsOfOneResidentSeeEachOther(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	r.register(q.f)
	var monthly []schema.Application
	for i := range 4 {
		a := anew(q.a, i)
		a.Months, a.Insurance.To = 1, date("2030-01-01")
		monthly = append(monthly, a)
	}
	r.apply(batch(0, log(0, monthly[:3]...)...))
	r.apply(batch(0, log(3, monthly[3:]...)...))
	r.wantLines(decisionLines,
		"0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2026-05-10",
		"0 1 first approved {} 2249-2025@3 20000 20000 2026-05-10 2026-06-10",
		"0 2 first rejected {window_not_open} 2249-2025@3 20000 20000 2026-06-10 -",
		"0 3 first rejected {window_not_open} 2249-2025@3 20000 20000 2026-06-10 -",
	)
	r.wantLines(residencyLines, fmt.Sprint(civilID, " 2026-06-10"))
}

// A family member's fee depends on the sponsor's own article, which the register
// holds.
func TestSponsorIsRead(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	q.under(22, schema.SponsorResident, schema.RelationSpouseOrChild)
	q.f.sponsor.Article = 24
	q.months(12, 100)
	r.register(q.f)
	r.apply(batch(0, log(0, q.a)...))
	r.wantLines(decisionLines, "0 0 first approved {} 2249-2025@3 100000 100000 2026-04-10 2027-04-10")
}

// A batch in which nothing can be read changes nothing and announces nothing.
func TestOnlyUnreadableMessages(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	r.register(q.f)
	messages := log(0, q.a, q.a, q.a)
	messages[0].Value = nil
	messages[1].Key = []byte("279040907388") // another resident's partition
	messages[2].Headers = nil
	b := batch(0, messages...)
	e := r.apply(b)
	r.wantLines(decisionLines)
	if n := len(b.QuarantineMessages(topics.Quarantine())); n != 3 {
		t.Errorf("%d messages are quarantined, want 3", n)
	}
	if n := len(e.Announcements(0)); n != 0 || e.Policy(0) != "" {
		t.Errorf("%d announcements under the policy %q", n, e.Policy(0))
	}
}

// On the day on which a policy comes into force a batch is decided by two.
func TestBatchAcrossTwoPolicies(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	before := sound("2025-12-22", "2026-01-31", 10*schema.Dinar)
	before.passportUntil("2030-01-01")
	after := sound("2025-12-23", "2026-01-31", 20*schema.Dinar).forResident(otherCivilID)
	r.register(before.f, after.f)
	e := r.apply(batch(0, log(0, before.a, after.a)...))
	r.wantLines(decisionLines,
		"0 0 first approved {} 114-2024@1 10000 10000 2026-01-31 2027-01-31",
		"0 1 first approved {} 2249-2025@3 20000 20000 2026-01-31 2027-01-31",
	)
	if got, want := e.Policy(0), policy2024+","+policy2025; got != want {
		t.Errorf("the batch names %q, want %q", got, want)
	}
}

// The largest and smallest values that a message may carry go into the record.
func TestLargestValuesFit(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	a := under2025().a
	a.Article, a.SponsorID, a.Months = 99, 999_999_999, 180
	a.Passport.ExpiresOn, a.Insurance.From, a.Insurance.To = schema.MaxDate, schema.MinDate, schema.MaxDate
	a.Fee.Amount, a.Fee.PaidAt = schema.MaxFils, schema.MinDate.Time()
	a.SubmittedAt = schema.MaxDate.Time().Add(24*time.Hour - time.Nanosecond)
	b := batch(100_000, message(1<<53-1, &a))
	r.apply(b)
	if n := len(b.QuarantineMessages(topics.Quarantine())); n != 0 {
		t.Fatalf("%d messages are quarantined", n)
	}
	r.wantLines(`SELECT concat_ws(' ', partition, "offset", article, sponsor_id, months, fee_paid_fils, submitted_at) FROM decision`,
		"100000 9007199254740991 99 999999999 180 100000000 2199-12-31 23:59:59.999999+00")
	r.wantLines(`SELECT concat_ws(' ', passport_expires_on, insurance_from, insurance_to, fee_paid_at) FROM application`,
		"2199-12-31 1900-01-01 2199-12-31 1900-01-01 00:00:00+00")
}
