package simulate

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

func newSimulation(t testing.TB, config Config) *Simulation {
	t.Helper()
	s, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nextN returns the next n messages.
func nextN(t testing.TB, s *Simulation, n int) []Message {
	t.Helper()
	messages := make([]Message, n)
	for i := range messages {
		m, ok := s.Next()
		if !ok {
			t.Fatalf("the stream ended after %d messages", i)
		}
		messages[i] = m
	}
	return messages
}

func digest(t testing.TB, config Config, n int) [sha256.Size]byte {
	t.Helper()
	var all bytes.Buffer
	for _, m := range nextN(t, newSimulation(t, config), n) {
		all.WriteString(string(m.Channel))
		all.Write(m.Key)
		all.Write(m.Value)
		for _, h := range m.Headers {
			all.WriteString(h.Key)
			all.Write(h.Value)
		}
	}
	return sha256.Sum256(all.Bytes())
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	config := Config{Seed: 7, Residents: 3_000}
	first := digest(t, config, 8_000)
	if second := digest(t, config, 8_000); first != second {
		t.Error("the same configuration gave other messages")
	}
	config.Seed = 8
	if other := digest(t, config, 8_000); first == other {
		t.Error("another seed gave the same messages")
	}
}

func TestMessagesAreInTheOrderOfTheirTime(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 1, Residents: 2_000})
	seen := map[uuid.UUID]bool{}
	var last Message
	for _, m := range nextN(t, s, 12_000) { // several years
		if m.At.Before(last.At) {
			t.Fatalf("%s follows %s", m.At, last.At)
		}
		last = m
		id := m.Expect.ApplicationID
		if m.Expect.Readable() && seen[id] != (m.Expect.Disposition != schema.DispositionFirst) {
			t.Fatalf("%s of an id that was seen: %t", m.Expect.Disposition, seen[id])
		}
		seen[id] = true
	}
	if years := last.At.Sub(instant(s.config.Start, 0)).Hours() / 24 / 365; years < 3 {
		t.Errorf("12,000 messages of 2,000 residents span %.1f years", years)
	}
}

func TestReadableMessagesAreReadAndUnreadableRefused(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 2, Residents: 20_000, Unreadable: 0.05, Duplicates: 0.05, Conflicts: 0.02})
	first := map[uuid.UUID][32]byte{}
	rules := map[schema.Rule]bool{}
	for _, m := range nextN(t, s, 20_000) {
		a, err := schema.ReadApplication(m.Key, m.Value, m.Headers)
		e := &m.Expect
		if !e.Readable() {
			var wrong *schema.Error
			if !errors.As(err, &wrong) || wrong.Rule != e.Rule {
				t.Fatalf("want a message that breaks %s: %v\n%s", e.Rule, err, m.Value)
			}
			rules[e.Rule] = true
			continue
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, m.Value)
		}
		if want := envelope(&a, m.Channel).Headers(); !reflect.DeepEqual(m.Headers, want) && e.Disposition == schema.DispositionFirst {
			t.Fatalf("headers %s, want %s", m.Headers, want)
		}
		if a.ID != e.ApplicationID || a.CivilID != e.CivilID || a.Article != e.Article {
			t.Fatalf("expected of another application: %+v", e)
		}
		switch e.Disposition {
		case schema.DispositionFirst:
			first[a.ID] = a.Digest()
		case schema.DispositionResend:
			if first[a.ID] != a.Digest() {
				t.Fatalf("a resend that says something else: %s", m.Value)
			}
		case schema.DispositionConflict:
			if first[a.ID] == a.Digest() {
				t.Fatalf("a conflict that says the same: %s", m.Value)
			}
		}
	}
	for _, b := range breaches {
		if !rules[b.rule] {
			t.Errorf("no message broke %s", b.rule)
		}
	}
}

// A year from the default start has both policies.
func TestEveryReasonOccurs(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 3, Residents: 20_000, Record: true})
	nextN(t, s, 20_000)
	m := s.Manifest()
	for reason, n := range m.Counts.Reasons {
		switch reason {
		case schema.ReasonSubmissionTimeImplausible, // whose bounds do not hold in a simulation
			schema.ReasonNoPolicy,         // a simulation begins where there is one
			schema.ReasonResidencyExpired, // every policy has a fine for every residency
			schema.ReasonPeriodOver,       // nobody is late by half a year, the shortest period
			schema.ReasonMonthsNotOffered: // see TestPoliciesOfADirectory
			continue
		}
		if n == 0 {
			t.Errorf("%s does not occur", reason.Code())
		}
	}
	policies, several := map[string]int{}, 0
	for _, e := range m.Applications {
		policies[e.Policy]++
		if e.Reasons.Len() > 1 {
			several++
		}
	}
	if len(policies) != 2 || several < 50 {
		t.Errorf("decided by %v, %d with several reasons", policies, several)
	}
}

// A simulation goes by the policies that it is given: here by one that grants whole years only.
func TestPoliciesOfADirectory(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../schema/policy/2249-2025.json")
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(raw), `"whole_years": {"value": false`, `"whole_years": {"value": true`, 1)
	policies, err := policy.Load(fstest.MapFS{"2249-2025.json": {Data: []byte(strings.Replace(changed, "2025-12-23", "2020-01-01", 1))}})
	if err != nil {
		t.Fatal(err)
	}
	s := newSimulation(t, Config{Seed: 3, Residents: 5_000, Policies: policies})
	nextN(t, s, 5_000)
	if n := s.Manifest().Counts.Reasons[schema.ReasonMonthsNotOffered]; n == 0 {
		t.Error("months_not_offered does not occur")
	}
}

func TestSharesAreAsConfigured(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 4, Residents: 50_000})
	const n = 50_000
	reused := 0
	for _, m := range nextN(t, s, n) {
		if m.Expect.Reasons.Has(schema.ReasonReceiptUsed) {
			reused++
		}
	}
	c := s.Manifest().Counts
	near(t, "reused receipts", float64(reused)/n, 0.002*0.92, 0.0005)
	near(t, "rejected", float64(c.Decisions(schema.DispositionFirst, schema.OutcomeRejected))/float64(c.First()), 0.08, 0.012)
	near(t, "duplicates", float64(c.Resends())/n, 0.01, 0.002)
	near(t, "conflicts", float64(c.Conflicts())/n, 0.003, 0.001)
	near(t, "unreadable", float64(c.Unreadable)/n, 0.002, 0.001)

	article := func(a schema.Article) float64 { return float64(sum(c.Articles[a])) }
	near(t, "article 22 to 18", article(22)/article(18), 43.0/70, 0.03)
	near(t, "article 20 to 18", article(20)/article(18), 30.0/70, 0.03)
	near(t, "article 17", article(17)/n, 0.04, 0.005)
	for _, a := range []schema.Article{14, 19, 23, 24} {
		if article(a) == 0 {
			t.Errorf("article %d does not occur", a)
		}
	}
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s: %.4f, want %.4f", what, got, want)
	}
}

func TestNothingWrongWhereNothingIsToBe(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 5, Residents: 5_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Reused: -1, Unreadable: -1})
	for _, m := range nextN(t, s, 10_000) {
		if m.Expect.Outcome != schema.OutcomeApproved || m.Expect.Disposition != schema.DispositionFirst {
			t.Fatalf("expected %+v", m.Expect)
		}
	}
}

func TestTheMixStaysOverTheYears(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 10, Residents: 1_000})
	var before, after Counts
	for s.agenda.day < s.config.Start.AddDays(20*daysPerYear) {
		nextN(t, s, 1_000)
	}
	before = s.Manifest().Counts
	nextN(t, s, 10_000)
	after = s.Manifest().Counts
	rejected := after.Decisions(schema.DispositionFirst, schema.OutcomeRejected) - before.Decisions(schema.DispositionFirst, schema.OutcomeRejected)
	near(t, "rejected after twenty years", float64(rejected)/10_000, 0.08, 0.025)
}

func TestTheStreamEndsWithTheCalendar(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 14, Residents: 500})
	n, last := 0, Message{}
	for {
		m, ok := s.Next()
		if !ok {
			break
		}
		if _, err := schema.ReadApplication(m.Key, m.Value, m.Headers); err != nil && m.Expect.Readable() {
			t.Fatal(err)
		}
		n, last = n+1, m
	}
	if _, ok := s.Next(); ok || last.At.Year() < 2150 {
		t.Errorf("the stream ended in %d after %d messages", last.At.Year(), n)
	}
}

// The register holds in the end what was approved, and each renewal begins where the one
// before ended.
func TestRenewalsAddUp(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 6, Residents: 2_000, Record: true})
	expiry := map[schema.CivilID]schema.Date{}
	for residency := range s.residencies() {
		expiry[residency.CivilID] = residency.ExpiresOn
	}
	nextN(t, s, 10_000)
	m := s.Manifest()
	for _, e := range m.Applications {
		told := !e.Reasons.Has(schema.ReasonIdentityMismatch)
		if known, ok := expiry[e.CivilID]; ok && told && e.OldExpiry != known {
			t.Fatalf("%s: old expiry %s, it was %s", e.ApplicationID, e.OldExpiry, known)
		}
		if e.Outcome == schema.OutcomeApproved {
			expiry[e.CivilID] = e.NewExpiry
		}
	}
	for _, residency := range m.Register {
		if expiry[residency.CivilID] != residency.ExpiresOn {
			t.Fatalf("a residency ends on %s, the approvals say %s", residency.ExpiresOn, expiry[residency.CivilID])
		}
	}
}

func TestWorkingHoursAreBusiest(t *testing.T) {
	t.Parallel()
	var weekdays [7]int
	var hours [24]int
	for _, m := range nextN(t, newSimulation(t, Config{Seed: 9, Residents: 30_000}), 25_000) {
		at := m.At.In(schema.Kuwait)
		weekdays[at.Weekday()]++
		hours[at.Hour()]++
	}
	if friday, slowest := weekdays[5], slices.Min(weekdays[:5]); friday*2 > slowest {
		t.Errorf("%d on Fridays, %d on the slowest working day", friday, slowest)
	}
	if hours[9] < 3*hours[3] {
		t.Errorf("%d at nine, %d at three in the night", hours[9], hours[3])
	}
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]Config{
		"too few":      {Residents: 5},
		"before rules": {Start: schema.NewDate(1999, 1, 1)},
		"too late":     {Start: schema.NewDate(2150, 1, 1)},
		"too bad":      {Rejected: 0.9},
		"too often":    {Duplicates: 0.6},
		"no name":      {Channels: []schema.Channel{"Counter"}},
		"named twice":  {Channels: []schema.Channel{"counter", "counter"}},
		"elsewhere":    {Elsewhere: 1.1},
	} {
		if _, err := New(config); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s := newSimulation(b, Config{Residents: 100_000})
	b.ReportAllocs()
	bytes := 0
	for b.Loop() {
		m, ok := s.Next()
		if !ok {
			b.Fatal("the stream ended")
		}
		bytes += len(m.Value)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(bytes)/float64(b.N), "B/msg")
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newSimulation(b, Config{Residents: 500_000})
	}
}
