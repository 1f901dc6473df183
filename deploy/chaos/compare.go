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
	//go:embed books.sql
	selectUnbalanced string
)

// Findings are what is not as it should be.
type Findings struct {
	Lost       int `json:"lost"`       // published and without effect, decided and not announced, announced and not queryable
	Doubled    int `json:"doubled"`    // took effect twice
	Misordered int `json:"misordered"` // announced after what came later
	Wrong      int `json:"wrong"`      // another outcome than the generator's
	Unbalanced int `json:"unbalanced"` // partitions whose books don't balance, and runs of verify that say so

	said map[string]int // lines written of each kind
	say  func(string)
}

// linesOfEach is how many Findings of a kind are described.
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

// comparison compares all that came out with what should have.
type comparison struct {
	*Findings
	truth *truth
}

// rowsOf counts how often each position of the log stands somewhere.
type rowsOf [][]uint8

func (c *comparison) newRows() rowsOf {
	rows := make(rowsOf, len(c.truth.log))
	for p := range rows {
		rows[p] = make([]uint8, len(c.truth.log[p]))
	}
	return rows
}

// meet compares what stands somewhere for a position with what should, and counts it.
func (c *comparison) meet(where string, rows rowsOf, partition int, offset int64, have string) {
	if partition < 0 || partition >= len(rows) || offset < 0 || offset >= int64(len(rows[partition])) {
		c.notef(&c.Wrong, "wrong", "%s has %d/%d, which lies on no log: %s", where, partition, offset, have)
		return
	}
	want := c.truth.log[partition][offset]
	switch rows[partition][offset]++; {
	case rows[partition][offset] > 1:
		c.notef(&c.Doubled, "doubled", "%s has %d/%d again: %s", where, partition, offset, have)
	case have != want.text():
		c.notef(&c.Wrong, "wrong", "%s has %d/%d as %q, want %q", where, partition, offset, have, want.text())
	}
}

// whole notes every position that should stand somewhere and doesn't.
func (c *comparison) whole(where string, rows rowsOf, should func(verdict) bool) {
	for partition := range rows {
		for offset, n := range rows[partition] {
			if v := c.truth.log[partition][offset]; n == 0 && should(v) {
				c.notef(&c.Lost, "lost", "%s lacks %d/%d: %s", where, partition, offset, v.text())
			}
		}
	}
}

func readable(v verdict) bool { return v.disposition != 0 }

func anything(verdict) bool { return true }

// published compares the log with what was published.
func (c *comparison) published() {
	if n := c.truth.missing(); n > 0 {
		c.notef(&c.Lost, "lost", "the log lacks %d messages that were acknowledged", n)
		c.Lost += n - 1
	}
}

// record compares the record's decisions and quarantine.
func (c *comparison) record(ctx context.Context, k *cluster) error {
	rows := c.newRows()
	err := eachRow(ctx, k, selectAllDecisions, func(scan func(...any) error) error {
		d, err := scanDecision(scan)
		if err != nil {
			return err
		}
		c.meet("the record", rows, d.Cause.Partition, d.Cause.Offset, textOf(&d))
		return nil
	})
	if err != nil {
		return err
	}
	err = eachRow(ctx, k, selectAllQuarantined, func(scan func(...any) error) error {
		var partition int
		var offset int64
		var rule string
		if err := scan(&partition, &offset, &rule); err != nil {
			return err
		}
		c.meet("the record", rows, partition, offset, "quarantined for "+rule)
		return nil
	})
	if err != nil {
		return err
	}
	c.whole("the record", rows, anything)
	return nil
}

// eachRow asks the record about the topic of submissions.
func eachRow(ctx context.Context, k *cluster, query string, each func(scan func(...any) error) error) error {
	rows, err := k.record.Query(ctx, query, k.topics.Submissions)
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

func textOf(d *schema.Decision) string {
	return decisionText(d.ApplicationID, d.Disposition, d.Outcome, d.Reasons, d.OldExpiry, d.NewExpiry)
}

// analysts compares the analysts' rows.
func (c *comparison) analysts(ctx context.Context, k *cluster) error {
	// A client that went without a word may just have brought this build of ClickHouse
	// down.
	found, err := backoff.Retry(ctx, func() ([]schema.Decision, error) { return k.readRows(ctx) },
		backoff.WithMaxElapsedTime(time.Minute))
	if err != nil {
		return err
	}
	rows := c.newRows()
	for i := range found {
		c.meet("ClickHouse", rows, found[i].Cause.Partition, found[i].Cause.Offset, textOf(&found[i]))
	}
	c.whole("ClickHouse", rows, readable)
	return nil
}

// readRows reads all that analysts see.
func (k *cluster) readRows(ctx context.Context) (all []schema.Decision, err error) {
	rows, err := k.analysts.Query(ctx, selectAllRows, k.topics.Submissions)
	if err != nil {
		return nil, fmt.Errorf("read the analysts' rows: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		d, err := scanDecision(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("read the analysts' rows: %w", err)
		}
		all = append(all, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the analysts' rows: %w", err)
	}
	return all, nil
}

// topics compares what was announced.
func (c *comparison) topics(a *announced) {
	rows := c.newRows()
	for partition := range a.decisions {
		for offset, d := range a.decisions[partition] {
			if d.text != "" {
				c.meet("the topic of decisions", rows, partition, int64(offset), d.text)
			}
		}
		for offset, why := range a.aside[partition] {
			c.meet("the topic of quarantine", rows, partition, offset, why)
		}
	}
	c.whole("the topics", rows, anything)
	for _, what := range a.late {
		c.notef(&c.Misordered, "misordered", "%s", what)
	}
	for _, what := range a.wrong {
		c.notef(&c.Wrong, "wrong", "%s", what)
	}
}

// register compares every residency's expiry.
func (c *comparison) register(ctx context.Context, k *cluster, s *simulate.Simulation) error {
	have := map[schema.CivilID]string{}
	rows, err := k.record.Query(ctx, `SELECT civil_id, expires_on FROM residency`)
	if err != nil {
		return fmt.Errorf("read the register: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id schema.CivilID
		var expires time.Time
		if err := rows.Scan(&id, &expires); err != nil {
			return fmt.Errorf("read the register: %w", err)
		}
		have[id] = expires.Format(time.DateOnly)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the register: %w", err)
	}
	for i, r := range s.Manifest().Register {
		if want := r.ExpiresOn.String(); have[r.CivilID] != want {
			c.notef(&c.Wrong, "wrong", "residency %d of the register ends on %q, want %s", i, have[r.CivilID], want)
		}
	}
	return nil
}

// books notes the partitions whose sums are wrong.
func (c *comparison) books(ctx context.Context, k *cluster) error {
	return eachRow(ctx, k, selectUnbalanced, func(scan func(...any) error) error {
		var partition int
		var consumed, announced, skipped, decided, quarantined int64
		if err := scan(&partition, &consumed, &announced, &skipped, &decided, &quarantined); err != nil {
			return err
		}
		c.notef(&c.Unbalanced, "unbalanced", "partition %d: %d consumed, %d announced, %d no messages, %d decided, %d quarantined",
			partition, consumed, announced, skipped, decided, quarantined)
		return nil
	})
}
