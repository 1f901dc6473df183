package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// compare compares everything in both databases with what the simulation expects,
// row by row.
func (s *stores) compare(simulation *simulate.Simulation) {
	s.Helper()
	manifest := simulation.Manifest()
	s.compareApplications(manifest)
	s.compareRepeats(manifest)
	s.compareQuarantined(manifest)
	s.compareRegister(manifest)
	s.compareClickHouse(manifest)
}

// line is what is compared of an application, readable in a failure.
func line(outcome, policy string, reasons []string, feeDue, fineDue int64, oldExpiry, newExpiry string) string {
	return fmt.Sprintf("%s by %s for [%s], fee %d, fine %d, from %s to %s", outcome, policy, strings.Join(reasons, " "), feeDue, fineDue, oldExpiry, newExpiry)
}

func day(d schema.Date) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

func expected(e *simulate.Expectation) string {
	return line(e.Outcome.String(), e.Policy, e.Reasons.Codes(), int64(e.FeeDue), int64(e.FineDue), day(e.OldExpiry), day(e.NewExpiry))
}

func (s *stores) compareApplications(manifest *simulate.Manifest) {
	s.Helper()
	want := map[uuid.UUID]string{}
	for i := range manifest.Applications {
		want[manifest.Applications[i].ApplicationID] = expected(&manifest.Applications[i])
	}
	got := map[uuid.UUID]string{}
	rows, err := s.Postgres.Query(s.Context(), `
		SELECT d.application_id, outcome, policy, reasons, fee_due_fils, fine_due_fils,
		       coalesce(old_expiry::text, 'none'), coalesce(new_expiry::text, 'none')
		FROM decision d
		WHERE disposition = 'first'`)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var outcome, policy, oldExpiry, newExpiry string
		var reasons []string
		var fee, fine int64
		if err := rows.Scan(&id, &outcome, &policy, &reasons, &fee, &fine, &oldExpiry, &newExpiry); err != nil {
			s.Fatal(err)
		}
		got[id] = line(outcome, policy, reasons, fee, fine, oldExpiry, newExpiry)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	compareMaps(s.T, "application", got, want)
}

// compareMaps names the first few differences.
func compareMaps[K comparable, V comparable](t *testing.T, what string, got, want map[K]V) {
	t.Helper()
	differences := 0
	for key, value := range want {
		if have, ok := got[key]; !ok || have != value {
			if differences++; differences <= 5 {
				t.Errorf("%s %v: got %v, want %v", what, key, have, value)
			}
		}
	}
	if len(got) != len(want) || differences > 5 {
		t.Errorf("%d of %s, want %d; %d differ", len(got), what, len(want), differences)
	}
}

func (s *stores) compareRepeats(manifest *simulate.Manifest) {
	s.Helper()
	want := map[string]int{}
	for _, disposition := range schema.Dispositions() {
		for _, outcome := range schema.Outcomes() {
			if n := manifest.Counts.Decisions(disposition, outcome); n > 0 {
				want[disposition.String()+" "+outcome.String()] = n
			}
		}
	}
	got := s.counts(`SELECT disposition || ' ' || outcome, count(*)::int FROM decision GROUP BY 1`)
	compareMaps(s.T, "decisions", got, want)
}

func (s *stores) counts(query string) map[string]int {
	s.Helper()
	got := map[string]int{}
	rows, err := s.Postgres.Query(s.Context(), query)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			s.Fatal(err)
		}
		got[name] = n
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return got
}

func (s *stores) compareQuarantined(manifest *simulate.Manifest) {
	s.Helper()
	want := map[string]int{}
	for rule, n := range manifest.Counts.Rules {
		if n > 0 {
			want[rule.String()] = n
		}
	}
	compareMaps(s.T, "quarantined", s.counts(`SELECT rule, count(*)::int FROM quarantined GROUP BY 1`), want)
}

func (s *stores) compareRegister(manifest *simulate.Manifest) {
	s.Helper()
	want := map[schema.CivilID]string{}
	for _, r := range manifest.Register {
		want[r.CivilID] = r.ExpiresOn.String()
	}
	got := map[schema.CivilID]string{}
	rows, err := s.Postgres.Query(s.Context(), `SELECT civil_id, expires_on FROM residency`)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id schema.CivilID
		var expires time.Time
		if err := rows.Scan(&id, &expires); err != nil {
			s.Fatal(err)
		}
		got[id] = expires.Format(time.DateOnly)
	}
	compareMaps(s.T, "residency", got, want)
}

// compareClickHouse compares the rows in ClickHouse with the expectations, and with the
// record one by one.
func (s *stores) compareClickHouse(manifest *simulate.Manifest) {
	s.Helper()
	type key struct {
		topic     string
		partition int32
		offset    int64
	}
	want := map[key]string{}
	rows, err := s.Postgres.Query(s.Context(), `
		SELECT topic, partition, "offset", application_id::text, disposition, outcome, reasons, article::int, coalesce(new_expiry::text, 'none') FROM decision`)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var k key
		var id, disposition, outcome, expiry string
		var reasons []string
		var article int
		if err := rows.Scan(&k.topic, &k.partition, &k.offset, &id, &disposition, &outcome, &reasons, &article, &expiry); err != nil {
			s.Fatal(err)
		}
		want[k] = fmt.Sprint(id, disposition, outcome, reasons, article, expiry)
	}
	got, total := map[key]string{}, 0
	sunk, err := s.ClickHouse.Query(s.Context(), `
		SELECT cause_topic, cause_partition, cause_offset, toString(application_id), toString(disposition), toString(outcome), reasons, article,
		       ifNull(toString(new_expiry), 'none') FROM decision`)
	if err != nil {
		s.Fatal(err)
	}
	defer sunk.Close()
	for sunk.Next() {
		var k key
		var id, disposition, outcome, expiry string
		var reasons []string
		var article uint8
		if err := sunk.Scan(&k.topic, &k.partition, &k.offset, &id, &disposition, &outcome, &reasons, &article, &expiry); err != nil {
			s.Fatal(err)
		}
		got[k] = fmt.Sprint(id, disposition, outcome, reasons, article, expiry)
		total++
	}
	compareMaps(s.T, "row", got, want)
	if decisions := manifest.Counts.Messages - manifest.Counts.Unreadable; total != decisions {
		s.Errorf("%d rows for %d decisions", total, decisions)
	}
}

// everyReason fails unless the run rejected for many different reasons, so that
// what it compared is worth comparing.
func (s *stores) everyReason() {
	s.Helper()
	got := s.counts(`SELECT unnest(reasons), count(*)::int FROM decision GROUP BY 1`)
	for _, reason := range schema.AllReasons() {
		switch reason {
		case schema.ReasonSubmissionTimeImplausible, // no time is, in a simulation
			schema.ReasonNoPolicy, schema.ReasonResidencyExpired, schema.ReasonMonthsNotOffered, // not by the policies built in
			schema.ReasonPeriodOver: // nobody is that late
			continue
		}
		if got[reason.Code()] == 0 {
			s.Errorf("no application was rejected for %s; there were %v", reason.Code(), slices.Sorted(maps.Keys(got)))
		}
	}
}
