package analytics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tajdeed/schema"
)

// allColumns is every row of the table as text, but for when it was inserted.
const allColumns = `SELECT formatRowNoNewline('TSV', * EXCEPT inserted_at) FROM decision ORDER BY cause_offset`

// Every column holds what the decision said.
func TestEveryColumn(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	approved, rejected := decision(41), decision(42)
	approved.FineDue, approved.FeePaid = 4000, 24000
	rejected.Disposition, rejected.Outcome = schema.DispositionResend, schema.OutcomeRejected
	rejected.Reasons.Add(schema.ReasonResidencyUnknown)
	rejected.Reasons.Add(schema.ReasonFeeMissing)
	rejected.OldExpiry, rejected.NewExpiry, rejected.FeeDue, rejected.FeePaid = 0, 0, 0, 0
	rejected.Article, rejected.Months, rejected.Revision, rejected.Simulation = 22, 180, 7, true
	before := time.Now().Add(-time.Second)
	h.deliver(h.open(h.newStage(h.db), 0), log(700, approved, rejected)...)

	hasher := h.pseudonym.hasher()
	person, sponsor := hasher.person(civilID), hasher.sponsor(sponsorID)
	want := []string{
		tsv("test.submissions.company_portal", 3, 41, "test.decisions.company_portal", 3, 700, "0197c3a2-0000-7000-8000-000000000041", "first", "approved", "[]", "2249-2025@3", 1, "false",
			"renewal", 18, 12, "company_portal", person, sponsor, 20000, 4000, 24000, "2026-04-10", "2027-04-10",
			"2026-03-15 09:30:00.443118", "2026-03-15 09:30:01.443000", "2026-03-15 09:30:02.443118", "2026-03-15 09:30:03.443000"),
		tsv("test.submissions.company_portal", 3, 42, "test.decisions.company_portal", 3, 701, "0197c3a2-0000-7000-8000-000000000042", "resend", "rejected",
			"['residency_unknown','fee_missing']", "2249-2025@3", 7, "true",
			"renewal", 22, 180, "company_portal", person, sponsor, 0, 0, 0, `\N`, `\N`,
			"2026-03-15 09:30:00.444118", "2026-03-15 09:30:01.444000", "2026-03-15 09:30:02.444118", "2026-03-15 09:30:03.444000"),
	}
	got := h.lines(allColumns)
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("row %d:\n got %s\nwant %s", i, got[i], want[i])
		}
	}
	h.wantInsertedSince(before)
}

func tsv(values ...any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, "\t")
}

func (h *database) wantInsertedSince(before time.Time) {
	h.Helper()
	var first, last time.Time
	if err := h.db.QueryRow(h.Context(), `SELECT min(inserted_at), max(inserted_at) FROM decision`).Scan(&first, &last); err != nil {
		h.Fatal(err)
	}
	if first.Before(before) || last.After(time.Now().Add(time.Second)) {
		h.Errorf("inserted between %s and %s, want since %s", first, last, before)
	}
}

// The extremes that a message may carry come back as they went in.
func TestExtremesComeBack(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	low, high := decision(0), decision(1<<53-1)
	low.SubmittedAt, low.OldExpiry, low.NewExpiry = schema.MinDate.Time(), schema.MinDate, schema.NewDate(1969, time.December, 31)
	high.SubmittedAt = schema.MaxDate.Time().Add(24*time.Hour - time.Microsecond)
	high.OldExpiry, high.NewExpiry, high.FeePaid, high.FineDue, high.Article = schema.MaxDate, schema.MaxDate, schema.MaxFils, schema.MaxFils, 99
	before1970 := decision(5)
	before1970.SubmittedAt = time.Date(1969, time.December, 31, 23, 59, 59, 999999000, time.UTC)
	h.deliver(h.open(h.newStage(h.db), 0), log(0, low, before1970, high)...)
	got := h.lines(`SELECT concat(toString(cause_offset), ' ', toString(submitted_at, 'UTC'), ' ', toString(old_expiry), ' ', toString(new_expiry),
		' ', toString(fee_paid_fils), ' ', toString(fine_due_fils), ' ', toString(article)) FROM decision ORDER BY cause_offset`)
	want := []string{
		"0 1900-01-01 00:00:00.000000 1900-01-01 1969-12-31 20000 0 18",
		"5 1969-12-31 23:59:59.999999 2026-04-10 2027-04-10 20000 0 18",
		"9007199254740991 2199-12-31 23:59:59.999999 2199-12-31 2199-12-31 100000000 100000000 99",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Every member of the closed sets is known to the table.
func TestEveryNameIsKnownToTheTable(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	var all []schema.Decision
	for _, disposition := range schema.Dispositions() {
		for _, reason := range schema.AllReasons() {
			d := decision(int64(len(all)))
			d.Disposition, d.Outcome, d.NewExpiry = disposition, schema.OutcomeRejected, 0
			d.Reasons.Add(reason)
			all = append(all, d)
		}
	}
	h.deliver(h.open(h.newStage(h.db), 0), log(0, all...)...)
	h.exactly(uint64(len(all)))
	for column, want := range map[string]int{
		"arrayJoin(reasons)": len(schema.AllReasons()), "disposition": len(schema.Dispositions()),
	} {
		if got := len(h.lines(`SELECT DISTINCT ` + column + ` FROM decision`)); got != want {
			t.Errorf("%s has %d values, want %d", column, got, want)
		}
	}
}

// Neither a Civil ID nor a sponsor nor a text meant for a person is anywhere in the
// table.
func TestNoPersonalDataInTheTable(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	d := decision(0)
	d.Outcome, d.NewExpiry = schema.OutcomeRejected, 0
	for _, reason := range schema.AllReasons() {
		d.Reasons.Add(reason)
	}
	m := message(0, d)
	h.deliver(h.open(h.newStage(h.db), 0), m)
	secrets := []string{civilID.String(), fmt.Sprint(uint64(sponsorID))}
	for _, reason := range schema.AllReasons() {
		secrets = append(secrets, reason.English(), reason.Arabic())
	}
	came := string(m.Key) + string(m.Value)
	for _, row := range h.lines(`SELECT formatRowNoNewline('TSV', *) FROM decision`) {
		for _, secret := range secrets {
			if !strings.Contains(came, secret) {
				t.Fatalf("the message does not hold %q, so this test shows nothing", secret)
			}
			if strings.Contains(row, secret) {
				t.Errorf("the table holds %q", secret)
			}
		}
	}
}

// What an analyst may group by is known; a column that comes later is to be thought
// about here, and in the test above.
func TestColumnsOfTheTable(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	got := strings.Join(h.lines(`SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'decision' ORDER BY position`), " ")
	const want = "cause_topic cause_partition cause_offset log_topic log_partition log_offset application_id disposition outcome reasons policy revision simulation " +
		"kind article months channel person sponsor fee_due_fils fine_due_fils fee_paid_fils old_expiry new_expiry " +
		"submitted_at received_at decided_at published_at inserted_at"
	if got != want {
		t.Errorf("columns\n%s, want\n%s", got, want)
	}
}

// An attempt ends with its parent until it is released; then the driver may still look at
// its context, which must not have ended.
func TestAttemptOutlivesItsParentOnceReleased(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended, release := attempt(parent)
	released, releaseFirst := attempt(parent)
	defer release()
	if deadline, _ := ended.Deadline(); time.Until(deadline) > insertTimeout {
		t.Errorf("an attempt may take %s", time.Until(deadline))
	}
	short, cancelShort := context.WithTimeout(t.Context(), time.Second)
	defer cancelShort()
	early, releaseEarly := attempt(short)
	defer releaseEarly()
	if deadline, _ := early.Deadline(); time.Until(deadline) > time.Second {
		t.Error("an attempt has more time than its parent")
	}
	releaseFirst()
	cancel()
	<-ended.Done()
	if err := released.Err(); err != nil {
		t.Errorf("an attempt that was released ends with its parent: %v", err)
	}
}
