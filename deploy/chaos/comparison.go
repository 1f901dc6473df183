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
	//go:embed unreadable_rows.sql
	selectUnreadableRows string
	//go:embed unbalanced.sql
	selectUnbalanced string
)

// Findings are what is not as it should be.
type Findings struct {
	Lost       int `json:"lost"`       // published and without effect, unreadable and not in quarantine, answered and not queryable
	Unanswered int `json:"unanswered"` // published, and nothing on its channel's decisions topic
	Doubled    int `json:"doubled"`    // took effect twice
	Misordered int `json:"misordered"` // answered after what came later
	Wrong      int `json:"wrong"`      // another outcome than the simulation expects
	Unbalanced int `json:"unbalanced"` // partitions whose books don't balance, and runs of verify that say so

	said map[string]int // lines written of each kind
	say  func(string)
}

// linesOfEach is how many findings of a kind are described.
const linesOfEach = 10

func (f *Findings) none() bool {
	return f.Lost == 0 && f.Unanswered == 0 && f.Doubled == 0 && f.Misordered == 0 && f.Wrong == 0 && f.Unbalanced == 0
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
type seenCounts map[schema.TopicPartition][]uint8

func (c *comparison) newSeenCounts() seenCounts {
	seen := seenCounts{}
	for at, log := range c.expected.log {
		seen[at] = make([]uint8, len(log))
	}
	return seen
}

// check compares what a store has for a message with what is expected, and counts it.
func (c *comparison) check(store string, seen seenCounts, cause schema.Position, actual string) {
	at := cause.TopicPartition()
	if cause.Offset < 0 || cause.Offset >= int64(len(seen[at])) {
		c.notef(&c.Wrong, "wrong", "%s has %s/%d, which is on no log: %s", store, at, cause.Offset, actual)
		return
	}
	want := c.expected.log[at][cause.Offset].text()
	switch seen[at][cause.Offset]++; {
	case seen[at][cause.Offset] > 1:
		c.notef(&c.Doubled, "doubled", "%s has %s/%d again: %s", store, at, cause.Offset, actual)
	case actual != want:
		c.notef(&c.Wrong, "wrong", "%s has %s/%d as %q, want %q", store, at, cause.Offset, actual, want)
	}
}

// checkComplete notes every message whose effect a store should have and lacks.
func (c *comparison) checkComplete(count *int, kind, store string, seen seenCounts, should func(effect) bool) {
	for at := range seen {
		for offset, n := range seen[at] {
			if want := c.expected.log[at][offset]; n == 0 && should(want) {
				c.notef(count, kind, "%s lacks %s/%d: %s", store, at, offset, want.text())
			}
		}
	}
}

func everyMessage(effect) bool { return true }

func unreadable(e effect) bool { return !e.readable() }

// checkPublished compares the channels' topics with what was published.
func (c *comparison) checkPublished() {
	if n := c.expected.missing(); n > 0 {
		c.notef(&c.Lost, "lost", "the log lacks %d messages that were acknowledged", n)
		c.Lost += n - 1
	}
}

// checkTopics compares what was announced: every message has an answer, and one that cannot
// be read lies in quarantine.
func (c *comparison) checkTopics(a *announced) {
	answered, aside := c.newSeenCounts(), c.newSeenCounts()
	for at, answers := range a.answers {
		for offset, actual := range answers {
			if actual != "" {
				c.check("its decisions topic", answered, position(at, int64(offset)), actual)
			}
		}
	}
	for at, quarantined := range a.quarantined {
		for offset, actual := range quarantined {
			c.check("the quarantine topic", aside, position(at, offset), actual)
		}
	}
	c.checkComplete(&c.Unanswered, "unanswered", "its decisions topic", answered, everyMessage)
	c.checkComplete(&c.Lost, "lost", "the quarantine topic", aside, unreadable)
	for _, what := range a.misordered {
		c.notef(&c.Misordered, "misordered", "%s", what)
	}
	for _, what := range a.wrong {
		c.notef(&c.Wrong, "wrong", "%s", what)
	}
}

func position(at schema.TopicPartition, offset int64) schema.Position {
	return schema.Position{Topic: at.Topic, Partition: at.Partition, Offset: offset}
}

// checkPostgres compares the decisions and the quarantined messages in the record.
func (c *comparison) checkPostgres(ctx context.Context, i *installation) error {
	seen := c.newSeenCounts()
	for query, text := range map[string]func(scan func(...any) error) (schema.Position, string, error){
		selectAllDecisions: scanDecision, selectAllQuarantined: scanUnreadable,
	} {
		err := i.eachPostgresRow(ctx, func(scan func(...any) error) error {
			cause, actual, err := text(scan)
			if err == nil {
				c.check("the record", seen, cause, actual)
			}
			return err
		}, query)
		if err != nil {
			return err
		}
	}
	c.checkComplete(&c.Lost, "lost", "the record", seen, everyMessage)
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
		var at schema.TopicPartition
		var consumed, announced, skipped, decided, quarantined int64
		if err := scan(&at.Topic, &at.Partition, &consumed, &announced, &skipped, &decided, &quarantined); err != nil {
			return err
		}
		c.notef(&c.Unbalanced, "unbalanced", "%s: %d consumed, %d announced, %d no messages, %d decided, %d quarantined",
			at, consumed, announced, skipped, decided, quarantined)
		return nil
	}, selectUnbalanced)
}

// checkClickHouse compares the rows of ClickHouse.
func (c *comparison) checkClickHouse(ctx context.Context, i *installation) error {
	seen := c.newSeenCounts()
	for query, scan := range map[string]func(scan func(...any) error) (schema.Position, string, error){
		selectAllRows: scanDecision, selectUnreadableRows: scanUnreadable,
	} {
		// A client that ended its connection in the middle of an answer may just have made
		// this build of ClickHouse crash.
		all, err := backoff.Retry(ctx, func() ([]clickHouseRow, error) { return i.clickHouseRows(ctx, query, scan) },
			backoff.WithMaxElapsedTime(time.Minute))
		if err != nil {
			return err
		}
		for _, row := range all {
			c.check("ClickHouse", seen, row.cause, row.text)
		}
	}
	c.checkComplete(&c.Lost, "lost", "ClickHouse", seen, everyMessage)
	return nil
}

// clickHouseRow is a row, and the text of what it says.
type clickHouseRow struct {
	cause schema.Position
	text  string
}

func (i *installation) clickHouseRows(ctx context.Context, query string, scan func(scan func(...any) error) (schema.Position, string, error)) (all []clickHouseRow, err error) {
	rows, err := i.clickhouse.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var row clickHouseRow
		if row.cause, row.text, err = scan(rows.Scan); err != nil {
			return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the rows of ClickHouse: %w", err)
	}
	return all, nil
}

// eachPostgresRow calls each for every row that a query returns.
func (i *installation) eachPostgresRow(ctx context.Context, each func(scan func(...any) error) error, query string) error {
	rows, err := i.postgres.Query(ctx, query)
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

func scanDecision(scan func(...any) error) (cause schema.Position, text string, err error) {
	var partition int32
	var disposition, outcome string
	var reasons []string
	var id uuid.UUID
	var from, to int32
	err = scan(&cause.Topic, &partition, &cause.Offset, &id, &disposition, &outcome, &reasons, &from, &to)
	cause.Partition = int(partition)
	return cause, decisionText(id, schema.Disposition(disposition), schema.Outcome(outcome), reasons, schema.Date(from), schema.Date(to)), err
}

func scanUnreadable(scan func(...any) error) (cause schema.Position, text string, err error) {
	var partition int32
	var rule string
	err = scan(&cause.Topic, &partition, &cause.Offset, &rule)
	cause.Partition = int(partition)
	return cause, unreadableText(schema.Rule(rule)), err
}
