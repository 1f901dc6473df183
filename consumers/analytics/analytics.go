// Package analytics is the stage that carries decisions into ClickHouse, one wide
// row for each, for analysts. It decides nothing and changes nothing in Postgres; what is
// lost with ClickHouse can be read again from the decisions topic.
//
// No Civil ID, name or document leaves it: who must be told apart is a keyed hash.
//
// It is exact under redelivery. In each partition it goes on where the last worker's claim
// says, which is an offset that is committed to Kafka and read back; without a claim, after
// the highest offset that ClickHouse holds; where that holds none, from the log's start. It
// drops a decision whose cause is not above the highest of its partition: causes only move
// forward there, so it is a repeat.
package analytics

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// Name is the stage's name: its subcommand, and the prefix of its metrics.
const Name = "analytics"

// Group is the consumer group of the stage's workers.
const Group = "tajdeed.analytics"

// Stage is the [consumers.Handler] that writes decisions to ClickHouse.
type Stage struct {
	topics    schema.Topics
	db        driver.Conn
	publisher consumers.Publisher
	pseudonym *Pseudonym
	metrics   *metrics
	now       func() time.Time // for when a row was inserted

	partitions int // of the decisions topic
	watermarks watermarks
}

// New returns the stage for an installation's decisions, whose topic has so many
// partitions. What it cannot read it gives to the publisher, for the quarantine topic. The
// clock, the machine's if it is nil, says when a row was inserted: nothing else depends
// on it.
func New(topics schema.Topics, partitions int, db driver.Conn, publisher consumers.Publisher, p *Pseudonym, now func() time.Time, registry prometheus.Registerer) *Stage {
	if now == nil {
		now = time.Now
	}
	return &Stage{
		topics: topics, partitions: partitions, db: db, publisher: publisher, pseudonym: p, metrics: newMetrics(registry),
		now: now, watermarks: watermarks{every: watermarksEvery, waiting: map[int]watermark{}},
	}
}

var _ consumers.Handler = (*Stage)(nil)

//go:embed select_positions.sql
var selectPositions string

// Open goes on where the worker before this one stopped. What that one was about to
// insert stands in its claim. It is inserted again, exactly the same: it may still be on
// its way, and only a block that is the same to the row is recognised as a repeat. The
// highest causes are read as they were before that block.
func (s *Stage) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	start, err := readClaim(ctx, a.Claim)
	if err != nil {
		return nil, start, err
	}
	p := &stagePartition{stage: s, partition: a.Partition, claim: a.Claim, highest: map[string]int64{}}
	last, err := p.readPositions(ctx, start.Next)
	switch {
	case err != nil:
		return nil, start, err
	case last < 0 && (start.Next == unclaimed || start.Next > a.LogStart):
		// Nobody was here before, or the table was emptied: all of the log is to come.
		start = consumers.Start{Next: a.LogStart}
	case start.Next == unclaimed:
		start = consumers.Start{Next: last + 1}
	}
	p.next, p.claimed = start.Next, start.Next
	return p, start, nil
}

// stagePartition is what the stage keeps of one partition of the decisions topic.
type stagePartition struct {
	stage     *Stage
	partition int
	claim     *consumers.Claim
	highest   map[string]int64 // the highest cause inserted, by its topic
	next      int64            // the offset after what was inserted
	claimed   int64            // what the claim says of that
	open      bool             // whether the claim is of a block that may be half done
}

// readPositions reads the highest cause of each topic, and the highest offset on the
// decisions topic, of the partition's decisions that lie before an offset of that topic.
func (p *stagePartition) readPositions(ctx context.Context, before int64) (last int64, err error) {
	rows, err := p.stage.db.Query(ctx, selectPositions, int32(p.partition), before)
	if err != nil {
		return 0, fmt.Errorf("read positions: %w", away(err))
	}
	defer rows.Close()
	last = -1
	for rows.Next() {
		var topic string
		var cause, at int64
		if err := rows.Scan(&topic, &cause, &at); err != nil {
			return 0, fmt.Errorf("read positions: %w", err)
		}
		p.highest[topic] = cause
		last = max(last, at)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read positions: %w", err)
	}
	return last, nil
}

// Idle brings the claim up to date, so that lag tools see that nothing is left, and tells
// analysts up to when all is in. The claim of a block that failed stays: whoever opens the
// partition next must insert exactly that block.
func (p *stagePartition) Idle(ctx context.Context, emptyAt time.Time) error {
	if p.claim != nil && !p.open && p.claimed != p.next {
		if err := p.claim.Write(ctx, p.next, ""); err != nil {
			return err
		}
		p.claimed = p.next
	}
	return p.tellWatermark(ctx, emptyAt)
}

// Prepare decodes a batch's decisions.
func (p *stagePartition) Prepare(b *consumers.Batch) consumers.Work {
	w := &work{stagePartition: p, batch: b, rows: make([]row, 0, len(b.Messages))}
	for i := range b.Messages {
		m := &b.Messages[i]
		decision, err := p.read(m)
		if err != nil {
			b.Quarantine(m, err)
			continue
		}
		w.rows = append(w.rows, row{Decision: decision, logOffset: m.Offset, publishedAt: m.Time})
	}
	return w
}

// read reads a decision. One that does not lie in its cause's partition was not published
// by the renewals stage, and would make later ones look like repeats.
func (p *stagePartition) read(m *consumers.Message) (schema.Decision, error) {
	decision, err := schema.ReadDecision(m.Key, m.Value, m.Headers)
	if err == nil && decision.Cause.Partition != p.partition {
		err = &schema.Error{
			Field: "cause.partition", Rule: schema.RuleContradiction,
			Detail: "another partition than the one that the decision lies in",
		}
	}
	return decision, err
}

// row is a decision, and where it lies on the decisions topic and since when.
type row struct {
	schema.Decision
	logOffset   int64
	publishedAt time.Time
}

// work is a batch of decisions on its way into ClickHouse.
type work struct {
	*stagePartition
	batch          *consumers.Batch
	rows           []row // that are still to be inserted
	quarantined    bool  // whether what could not be read was published
	repeatsDropped bool  // whether repeats were dropped
}

// Apply quarantines what could not be read, drops repeats, claims the batch and inserts
// its rows, as one block for each month. What an earlier attempt has done is not done
// again. A block's token is made of what it holds, so where an answer was lost, ClickHouse
// recognises the second attempt and drops it.
func (w *work) Apply(ctx context.Context) error {
	if err := w.quarantine(ctx); err != nil {
		return err
	}
	w.dropRepeats()
	if err := w.claimBlock(ctx); err != nil {
		return err
	}
	for len(w.rows) > 0 {
		n := sameMonth(w.rows)
		if err := w.stage.insert(ctx, w.partition, w.rows[:n]); err != nil {
			return fmt.Errorf("insert decisions: %w", err)
		}
		w.inserted(n)
	}
	w.next, w.open = w.batch.To, false
	return nil
}

// quarantine publishes what could not be read. Nothing notes that it was done, so after a
// crash it may be done again.
func (w *work) quarantine(ctx context.Context) error {
	messages := w.batch.QuarantineMessages()
	if w.quarantined || len(messages) == 0 {
		return nil
	}
	if err := w.stage.publisher.PublishPlaced(ctx, w.stage.topics.Quarantine, messages); err != nil {
		return fmt.Errorf("publish to %s: %w", w.stage.topics.Quarantine, err)
	}
	w.quarantined = true
	return nil
}

// dropRepeats drops, once, what was inserted before: decisions that were published again
// when a partition of the renewals stage changed hands.
func (w *work) dropRepeats() {
	if w.repeatsDropped {
		return
	}
	w.repeatsDropped = true
	highest := maps.Clone(w.highest)
	kept := w.rows[:0]
	for _, r := range w.rows {
		if last, seen := highest[r.Cause.Topic]; seen && r.Cause.Offset <= last {
			w.stage.metrics.repeated.Inc()
			continue
		}
		highest[r.Cause.Topic] = r.Cause.Offset
		kept = append(kept, r)
	}
	w.rows = kept
}

// claimBlock writes into the claim, before anything is inserted, which offsets will be. A
// worker that has lost the partition cannot: it is fenced here.
func (w *work) claimBlock(ctx context.Context) error {
	if w.claim == nil || len(w.rows) == 0 {
		return nil
	}
	w.open = true
	return w.claim.Write(ctx, w.batch.From, claimNote(w.batch.To))
}

// sameMonth is how many of the first rows were decided in one month. ClickHouse
// inserts a block as a whole within a month only: if it died between two months' parts,
// the later could be there without the earlier, and look like all.
func sameMonth(rows []row) int {
	n := 1
	for n < len(rows) && month(rows[n].DecidedAt) == month(rows[0].DecidedAt) {
		n++
	}
	return n
}

// month numbers the months as the table is partitioned, by Kuwait's calendar.
func month(t time.Time) int {
	year, month, _ := t.In(schema.Kuwait).Date()
	return year*12 + int(month)
}

// inserted notes that the first n rows are inserted.
func (w *work) inserted(n int) {
	for i := range w.rows[:n] {
		cause := &w.rows[i].Cause
		w.highest[cause.Topic] = cause.Offset
	}
	w.rows = w.rows[n:]
	w.stage.metrics.inserted.Add(float64(n))
}
