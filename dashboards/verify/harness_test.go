package verify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/installationtest"
)

// installation is one of a test's own, whose books are asked for.
type installation struct{ *installationtest.Installation }

func newInstallation(t *testing.T) *installation {
	t.Helper()
	return &installation{installationtest.New(t)}
}

// small cuts batches small, so that there are many.
func smallBatches(c *consumers.Config) { c.BatchMessages = 50 }

// asked are books and all that is told of them.
type verified struct {
	*Books
	text string // as JSON
}

// verify asks for the books.
func (s *installation) verify(change ...func(*Config)) (v verified) {
	s.Helper()
	books, err := Run(s.Context(), s.config(change...))
	if err != nil {
		s.Fatal(err)
	}
	var out strings.Builder
	if err := books.WriteJSON(&out); err != nil {
		s.Fatal(err)
	}
	return verified{books, out.String()}
}

func (s *installation) config(change ...func(*Config)) Config {
	c := Config{
		Brokers: s.Brokers, Prefix: s.Prefix, AnalyticsGroup: s.Group(analytics.Group),
		Postgres: s.Postgres, ClickHouse: s.ClickHouse,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

// waiting waits until all is through.
func withWait(d time.Duration) func(*Config) { return func(c *Config) { c.Wait = d } }

// underKey tells the pseudonym key, so that persons are compared too.
func (s *installation) withKey(c *Config) {
	var err error
	if c.Pseudonym, err = analytics.NewPseudonym([]byte(installationtest.PseudonymKey)); err != nil {
		s.Fatal(err)
	}
}

// verifyPersons asks for the books under the key.
func (s *installation) verifyPersons() verified {
	s.Helper()
	return s.verify(s.withKey)
}

// repair asks to mend ClickHouse.
func (s *installation) repair() verified {
	s.Helper()
	return s.verify(s.withKey, func(c *Config) { c.Repair = true })
}

// gaps are all that doesn't balance, in one order, each as "partition kind from-to".
func (b *Books) gaps() (all []string) {
	for p := range b.all {
		for _, g := range p.Gaps {
			all = append(all, gapLine(p.Partition, g.Kind, g.From, g.To))
		}
	}
	for _, stray := range b.Strays {
		all = append(all, gapLine(stray.Partition, stray.Kind, stray.From, stray.To))
	}
	slices.Sort(all)
	return all
}

func gapLine(partition int, kind GapKind, from, to int64) string {
	return fmt.Sprintf("%d %s %d-%d", partition, kind, from, to)
}

// is fails unless exactly these gaps were found, and the books say so.
func (v verified) wantGaps(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := v.gaps(); !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if v.Balanced != (len(want) == 0) {
		t.Errorf("balanced: %t", v.Balanced)
	}
}

// settled is a run that has ended: nothing moves any more.
func drained(t *testing.T, messages int) *installation {
	t.Helper()
	s := newInstallation(t)
	s.Publish(s.Populate(messages), messages)
	worker, sink := s.Renewals(), s.Analytics()
	s.Drained(messages)
	if v := s.verify(withWait(time.Minute)); !v.Complete {
		t.Fatalf("not all of it was through in a minute: %+v", v.Totals.Pending)
	}
	worker.Stop()
	sink.Stop()
	return s
}

// spot is a partition, and offsets of decisions in it: two that follow one another,
// the two around them that are decided, and one further on.
type spot struct {
	partition         int
	first, next, last int64
	a, b, c           int64 // decisions; b is a + 1
}

func (s *installation) spot() (p spot) {
	s.Helper()
	err := s.Postgres.QueryRow(s.Context(), `
		SELECT p.partition, p.first_offset, p.next_offset, p.next_offset - 1, a."offset", b."offset",
		       (SELECT max("offset") - 3 FROM decision c WHERE c.partition = p.partition AND c."offset" > b."offset" + 10)
		FROM position p
		JOIN decision a USING (topic, partition)
		JOIN decision b USING (topic, partition)
		WHERE b."offset" = a."offset" + 1 AND a."offset" > p.first_offset + 20 AND p.next_offset > 100
		  AND NOT EXISTS (SELECT FROM quarantined q WHERE q.partition = p.partition AND q."offset" > p.next_offset - 10)
		ORDER BY p.partition, a."offset" LIMIT 1`).Scan(&p.partition, &p.first, &p.next, &p.last, &p.a, &p.b, &p.c)
	if err != nil {
		s.Fatal(err)
	}
	return p
}

// harm does something to the record that nobody should.
func (s *installation) damageRecord(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.Postgres.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// unmerged lets no parts of the analysts' table be merged, so what is doubled stays so
// until somebody looks: the table's engine would drop one of two, when it pleases.
// Statements that change rows go on; SYSTEM STOP MERGES would stop them too.
func (s *installation) preventMerges(t *testing.T) {
	t.Helper()
	s.damageClickHouse(t, `ALTER TABLE decision MODIFY SETTING
		max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1`)
}

// harmAnalysts does to the analysts' database what nobody should.
func (s *installation) damageClickHouse(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.ClickHouse.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
