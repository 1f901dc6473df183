package chaos

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

var (
	//go:embed decisions.sql
	selectAllDecisions string
	//go:embed quarantined.sql
	selectAllQuarantined string
	//go:embed rows.sql
	selectAllRows string
	//go:embed unbalanced.sql
	selectUnbalanced string
)

// Findings are what is not as it should be.
type Findings struct {
	Lost       int `json:"lost"`       // published and without effect, decided and not announced, announced and not queryable
	Doubled    int `json:"doubled"`    // took effect twice
	Misordered int `json:"misordered"` // announced after what came later
	Wrong      int `json:"wrong"`      // another outcome than the simulation expects
	Unbalanced int `json:"unbalanced"` // partitions whose books don't balance, and runs of verify that say so

	said map[string]int // lines written of each kind
	say  func(string)
}

// linesOfEach is how many findings of a kind are described.
const linesOfEach = 10

func (f *Findings) none() bool {
	return f.Lost == 0 && f.Doubled == 0 && f.Misordered == 0 && f.Wrong == 0 && f.Unbalanced == 0
}

func (f *Findings) notef(count *int, kind, format string, args ...any) {
	*count++
	if f.said == nil {
		f.said = map[string]int{}
	}
	if f.said[kind]++; f.said[kind] <= linesOfEach {
		f.say(kind + ": " + fmt.Sprintf(format, args...))
	}
}

// comparison compares all that came out with what is expected.
type comparison struct {
	*Findings
	expected *expected
}

// seenCounts counts, by partition and offset, how often a store has each message's effect.
type seenCounts [][]uint8

func (c *comparison) newSeenCounts() seenCounts {
	seen := make(seenCounts, len(c.expected.log))
	for p := range seen {
		seen[p] = make([]uint8, len(c.expected.log[p]))
	}
	return seen
}

// check compares what a store has for a message with what is expected, and counts it.
func (c *comparison) check(store string, seen seenCounts, partition int, offset int64, actual string) {
	if partition < 0 || partition >= len(seen) || offset < 0 || offset >= int64(len(seen[partition])) {
		c.notef(&c.Wrong, "wrong", "%s has %d/%d, which is on no log: %s", store, partition, offset, actual)
		return
	}
	want := c.expected.log[partition][offset].text()
	switch seen[partition][offset]++; {
	case seen[partition][offset] > 1:
		c.notef(&c.Doubled, "doubled", "%s has %d/%d again: %s", store, partition, offset, actual)
	case actual != want:
		c.notef(&c.Wrong, "wrong", "%s has %d/%d as %q, want %q", store, partition, offset, actual, want)
	}
}

// checkComplete notes every message whose effect a store should have and lacks.
func (c *comparison) checkComplete(store string, seen seenCounts, should func(effect) bool) {
	for partition := range seen {
		for offset, n := range seen[partition] {
			if want := c.expected.log[partition][offset]; n == 0 && should(want) {
				c.notef(&c.Lost, "lost", "%s lacks %d/%d: %s", store, partition, offset, want.text())
			}
		}
	}
}

func everyMessage(effect) bool { return true }

// checkPublished compares the topic of submissions with what was published.
func (c *comparison) checkPublished() {
	if n := c.expected.missing(); n > 0 {
		c.notef(&c.Lost, "lost", "the log lacks %d messages that were acknowledged", n)
		c.Lost += n - 1
	}
}

// checkTopics compares what was announced.
func (c *comparison) checkTopics(a *announced) {
	seen := c.newSeenCounts()
	for partition := range a.decisions {
		for offset, actual := range a.decisions[partition] {
			if actual != "" {
				c.check("the topic of decisions", seen, partition, int64(offset), actual)
			}
		}
		for offset, actual := range a.quarantined[partition] {
			c.check("the topic of quarantine", seen, partition, offset, actual)
		}
	}
	c.checkComplete("the topics", seen, everyMessage)
	for _, what := range a.misordered {
		c.notef(&c.Misordered, "misordered", "%s", what)
	}
	for _, what := range a.wrong {
		c.notef(&c.Wrong, "wrong", "%s", what)
	}
}

// checkPostgres compares the decisions and the quarantined messages in the record.
func (c *comparison) checkPostgres(ctx context.Context, i *installation) error {
	seen := c.newSeenCounts()
	err := i.eachPostgresRow(ctx, func(scan func(...any) error) error {
		d, err := scanDecision(scan)
		if err != nil {
			return err
		}
		c.check("the record", seen, d.Cause.Partition, d.Cause.Offset, decisionTextOf(&d))
		return nil
	}, selectAllDecisions, i.topics.Submissions)
	if err != nil {
		return err
	}
	err = i.eachPostgresRow(ctx, func(scan func(...any) error) error {
		var partition int
		var offset int64
		var rule string
		if err := scan(&partition, &offset, &rule); err != nil {
			return err
		}
		c.check("the record", seen, partition, offset, "quarantined for "+rule)
		return nil
	}, selectAllQuarantined, i.topics.Submissions)
	if err != nil {
		return err
	}
	c.checkComplete("the record", seen, everyMessage)
	return nil
}

// checkRegister compares the expiry of every residency.
func (c *comparison) checkRegister(ctx context.Context, i *installation, s *simulate.Simulation) error {
	actual := map[schema.CivilID]string{}
	err := i.eachPostgresRow(ctx, func(scan func(...any) error) error {
		var id schema.CivilID
		var expires time.Time
		err := scan(&id, &expires)
		actual[id] = expires.Format(time.DateOnly)
		return err
	}, `SELECT civil_id, expires_on FROM residency`)
	if err != nil {
		return err
	}
	for place, r := range s.Manifest().Register {
		if want := r.ExpiresOn.String(); actual[r.CivilID] != want {
			c.notef(&c.Wrong, "wrong", "residency %d of the register ends on %q, want %s", place, actual[r.CivilID], want)
		}
	}
	return nil
}

// checkBalance notes the partitions whose sums are wrong.
func (c *comparison) checkBalance(ctx context.Context, i *installation) error {
	return i.eachPostgresRow(ctx, func(scan func(...any) error) error {
		var partition int
		var consumed, announced, skipped, decided, quarantined int64
		if err := scan(&partition, &consumed, &announced, &skipped, &decided, &quarantined); err != nil {
			return err
		}
		c.notef(&c.Unbalanced, "unbalanced", "partition %d: %d consumed, %d announced, %d no messages, %d decided, %d quarantined",
			partition, consumed, announced, skipped, decided, quarantined)
		return nil
	}, selectUnbalanced, i.topics.Submissions)
}

// checkClickHouse compares the decisions in ClickHouse.
func (c *comparison) checkClickHouse(ctx context.Context, i *installation) error {
	// A client that ended its connection in the middle of an answer may just have made
	// this build of ClickHouse crash.
	all, err := backoff.Retry(ctx, func() ([]schema.Decision, error) { return i.clickHouseDecisions(ctx) },
		backoff.WithMaxElapsedTime(time.Minute))
	if err != nil {
		return err
	}
	seen := c.newSeenCounts()
	for at := range all {
		c.check("ClickHouse", seen, all[at].Cause.Partition, all[at].Cause.Offset, decisionTextOf(&all[at]))
	}
	c.checkComplete("ClickHouse", seen, effect.readable)
	return nil
}

// clickHouseDecisions reads all decisions in ClickHouse.
func (i *installation) clickHouseDecisions(ctx context.Context) (all []schema.Decision, err error) {
	rows, err := i.clickhouse.Query(ctx, selectAllRows, i.topics.Submissions)
	if err != nil {
		return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		d, err := scanDecision(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
	}
	return all, nil
}

// eachPostgresRow calls each for every row that a query returns.
func (i *installation) eachPostgresRow(ctx context.Context, each func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := i.postgres.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read the record: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return fmt.Errorf("read the record: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the record: %w", err)
	}
	return nil
}

func scanDecision(scan func(...any) error) (d schema.Decision, err error) {
	var partition int32
	var disposition, outcome string
	var reasons []string
	var id uuid.UUID
	var from, to int32
	if err := scan(&partition, &d.Cause.Offset, &id, &disposition, &outcome, &reasons, &from, &to); err != nil {
		return d, err
	}
	d.Cause.Partition, d.ApplicationID = int(partition), id
	d.OldExpiry, d.NewExpiry = schema.Date(from), schema.Date(to)
	d.Disposition, _ = schema.ParseDisposition(disposition)
	d.Outcome, _ = schema.ParseOutcome(outcome)
	for _, code := range reasons {
		if r, ok := schema.ParseReason(code); ok {
			d.Reasons.Add(r)
		}
	}
	return d, nil
}
