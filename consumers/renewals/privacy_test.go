package renewals

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tajdeed/schema"
)

// Nothing that can go wrong puts a person's data into an error, and so into a log.
func TestErrorsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	q := under2025()
	for _, c := range []struct {
		name  string
		spoil func(*record) (context.Context, error)
	}{
		{"a key that is taken", func(r *record) (context.Context, error) {
			_, err := r.db.Exec(r.Context(), `INSERT INTO decision (topic, partition, "offset", application_id, disposition, outcome, reasons,
				policy, civil_id, kind, article, sponsor_id, months, fee_due_fils, fee_paid_fils, new_expiry, submitted_at, received_at, decided_at)
				VALUES ('test.submissions.counter', 0, 0, gen_random_uuid(), 'resend', 'approved', '{}', '', 1, '', 1, 1, 1, 0, 0, now(), now(), now(), now())`)
			return r.Context(), err
		}},
		{"a constraint of the decisions", func(r *record) (context.Context, error) {
			_, err := r.db.Exec(r.Context(), `ALTER TABLE decision ADD CHECK (civil_id = 0)`)
			return r.Context(), err
		}},
		{"a constraint of the residencies", func(r *record) (context.Context, error) {
			_, err := r.db.Exec(r.Context(), `ALTER TABLE resident ADD CHECK (expires_on < '2027-01-01')`)
			return r.Context(), err
		}},
		{"a name that the program does not know", func(r *record) (context.Context, error) {
			_, err := r.db.Exec(r.Context(), `ALTER TABLE resident DROP CONSTRAINT relation_is_known; UPDATE residency SET relation = 'friend'`)
			return r.Context(), err
		}},
		{"a value that does not fit", func(r *record) (context.Context, error) {
			_, err := r.db.Exec(r.Context(), `DROP VIEW application; ALTER TABLE decision ALTER civil_id TYPE int USING 0`)
			return r.Context(), err
		}},
		{"a cancelled context", func(r *record) (context.Context, error) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			return ctx, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			r.register(q.f)
			ctx, err := c.spoil(r)
			if err != nil {
				t.Fatal(err)
			}
			err = r.commit(ctx, r.decode(batch(0, log(0, q.a)...)))
			if err == nil {
				t.Fatal("nothing went wrong")
			}
			withoutPersonalData(t, err.Error(), &q.a)
			withoutPersonalData(t, logged(err), &q.a)
		})
	}
}

// logged is what a log of either form shows of an error.
func logged(err error) string {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Error("apply failed", "error", err)
	}
	return out.String()
}

// withoutPersonalData fails where a text names the applicant, the passport, the
// sponsor or who submitted.
func withoutPersonalData(t *testing.T, text string, a *schema.Application) {
	t.Helper()
	for _, secret := range []string{
		a.CivilID.String(), fmt.Sprint(uint64(a.SponsorID)), a.Passport.Number, a.SubmittedBy, a.Fee.Receipt, a.Insurance.Policy,
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%q names %q", text, secret)
		}
	}
}

// What is said of an unreadable message does not repeat its content.
func TestQuarantineReasonsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	q := under2025()
	stage := New(Config{Topics: topics}, nil)
	for _, spoil := range [][2]string{
		{`"months":12`, `"months":"12"`},
		{`"kind":"renewal"`, `"kind":"291030104196"`},
		{`"country":"IND"`, `"country":"P1234567"`},
		{`"submitted_by"`, `"hr.office@portal"`},
		{`"civil_id":"291030104196"`, `"civil_id":"291030104196 "`},
		{`"civil_id":"291030104196"`, `"civil_id":"279040907388"`},
	} {
		m := message(0, &q.a)
		m.Value = []byte(strings.Replace(string(m.Value), spoil[0], spoil[1], 1))
		own := len(m.Headers)
		b := batch(0, m)
		stage.Decode(b)
		set := b.QuarantineMessages(topics.Quarantine())
		if len(set) != 1 {
			t.Fatalf("%s: %d messages are quarantined, want 1", spoil[1], len(set))
		}
		for _, h := range set[0].Headers[own:] {
			withoutPersonalData(t, string(h.Value), &q.a)
			if strings.Contains(string(h.Value), otherCivilID.String()) {
				t.Errorf("%s names a Civil ID: %s", h.Key, h.Value)
			}
		}
	}
}

// The record keeps the Civil ID, the announcement's data does not: it is in the key
// only.
func TestAnnouncementsNameNobodyInTheirData(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	q := under2025()
	r.register(q.f)
	for _, m := range r.apply(batch(0, log(0, q.a, q.a)...)).Announcements(0) {
		text := string(m.Value)
		for _, secret := range []string{q.a.CivilID.String(), q.a.Passport.Number, q.a.SubmittedBy, q.a.Fee.Receipt, q.a.Insurance.Policy} {
			if strings.Contains(text, secret) {
				t.Errorf("%s names %q", text, secret)
			}
		}
	}
}
