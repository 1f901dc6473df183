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
	"tajdeed/schema"
)

// installation is an installation of a test's own, which is verified.
type installation struct{ *installationtest.Installation }

func newInstallation(t *testing.T) *installation {
	t.Helper()
	return &installation{installationtest.New(t)}
}

// smallBatches limits the size of batches, so that there are many.
func smallBatches(c *consumers.Config) { c.BatchMessages = 50 }

// verified is what a verification found, and the JSON of it.
type verified struct {
	*Books
	json string
}

// verify verifies the installation and fails the test where that fails.
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
		Brokers: s.Brokers, Topics: s.Topics, AnalyticsGroup: s.Group(analytics.Group),
		Postgres: s.Postgres, ClickHouse: s.ClickHouse,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

// withWait waits until everything is decided, announced and inserted.
func withWait(d time.Duration) func(*Config) { return func(c *Config) { c.Wait = d } }

// withKey gives the pseudonym key, so that persons are compared too.
func (s *installation) withKey(c *Config) {
	var err error
	if c.Pseudonym, err = analytics.NewPseudonym([]byte(installationtest.PseudonymKey)); err != nil {
		s.Fatal(err)
	}
}

// verifyPersons verifies under the key.
func (s *installation) verifyPersons() verified {
	s.Helper()
	return s.verify(s.withKey)
}

// repair repairs ClickHouse.
func (s *installation) repair() verified {
	s.Helper()
	return s.verify(s.withKey, func(c *Config) { c.Repair = true })
}

// gaps returns all gaps and strays, sorted, each as gapLine writes it.
func (b *Books) gaps() (lines []string) {
	for p := range b.all {
		for _, g := range p.Gaps {
			lines = append(lines, gapLine(p.at(), g.Kind, g.From, g.To))
		}
	}
	for _, stray := range b.Strays {
		lines = append(lines, gapLine(schema.TopicPartition{Topic: stray.Topic, Partition: stray.Partition}, stray.Kind, stray.From, stray.To))
	}
	slices.Sort(lines)
	return lines
}

func gapLine(at schema.TopicPartition, kind GapKind, from, to int64) string {
	return fmt.Sprintf("%s %s %d-%d", at, kind, from, to)
}

// wantGaps fails unless exactly these gaps were found, and the books balance if there are
// none.
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

// drained returns an installation in which everything is decided, announced and inserted,
// and whose stages have stopped.
func drained(t *testing.T, messages int) *installation {
	t.Helper()
	s := newInstallation(t)
	s.Publish(s.Populate(messages), messages)
	renewalsStage, analyticsStage := s.Renewals(), s.Analytics()
	s.Drained(messages)
	if v := s.verify(withWait(time.Minute)); !v.Complete {
		t.Fatalf("something is pending after a minute: %+v", v.Totals.Pending)
	}
	renewalsStage.Stop()
	analyticsStage.Stop()
	return s
}

// spot is a partition, and offsets in it.
type spot struct {
	at                schema.TopicPartition
	log               schema.TopicPartition // where its messages are answered
	first, next, last int64                 // consumed: the first, the one after the last, the last
	a, b, c           int64                 // of decisions; b is a + 1, and c lies further on
	u                 int64                 // of a message behind these that cannot be read
}

func (s *installation) spot() (p spot) {
	s.Helper()
	err := s.Postgres.QueryRow(s.Context(), `
		SELECT p.topic, p.partition, p.first_offset, p.next_offset, p.next_offset - 1, a."offset", b."offset", c."offset", u."offset"
		FROM position p
		JOIN decision a USING (topic, partition)
		JOIN decision b USING (topic, partition)
		JOIN decision c USING (topic, partition)
		JOIN quarantined u USING (topic, partition)
		WHERE b."offset" = a."offset" + 1 AND a."offset" > p.first_offset + 5 AND c."offset" > b."offset" + 5 AND c."offset" < p.next_offset - 3 AND u."offset" > b."offset"
		  AND NOT EXISTS (SELECT FROM quarantined q WHERE q.topic = p.topic AND q.partition = p.partition AND q."offset" > p.next_offset - 4)
		ORDER BY p.topic, p.partition, a."offset", c."offset", u."offset" LIMIT 1`).
		Scan(&p.at.Topic, &p.at.Partition, &p.first, &p.next, &p.last, &p.a, &p.b, &p.c, &p.u)
	if err != nil {
		s.Fatal(err)
	}
	p.log = s.answersTo(p.at)
	return p
}

// answersTo is where a partition's messages are answered.
func (s *installation) answersTo(at schema.TopicPartition) schema.TopicPartition {
	s.Helper()
	topic, ok := s.Topics.AnswersTo(at.Topic)
	if !ok {
		s.Fatalf("%s is no channel's", at.Topic)
	}
	return schema.TopicPartition{Topic: topic, Partition: at.Partition}
}

// ofRecord and ofClickHouse select the spot's partition.
func (p spot) ofRecord() string {
	return fmt.Sprintf(`topic = '%s' AND partition = %d`, p.at.Topic, p.at.Partition)
}

func (p spot) ofClickHouse() string {
	return fmt.Sprintf(`cause_topic = '%s' AND cause_partition = %d`, p.at.Topic, p.at.Partition)
}

func (p spot) gap(kind GapKind, from, to int64) string { return gapLine(p.at, kind, from, to) }

// damageRecord changes the record behind the back of the stages.
func (s *installation) damageRecord(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := s.Postgres.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// preventMerges keeps ClickHouse from merging parts of the tables, so that doubled rows
// stay: the tables' engine would drop one of two, at a time of its choice. Statements that
// change rows still run; SYSTEM STOP MERGES would stop them too.
func (s *installation) preventMerges(t *testing.T) {
	t.Helper()
	for _, table := range []string{"decision", "unreadable"} {
		s.damageClickHouse(t, `ALTER TABLE `+table+` MODIFY SETTING
			max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1`)
	}
}

// damageClickHouse changes ClickHouse behind the back of the stages.
func (s *installation) damageClickHouse(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if err := s.ClickHouse.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}
