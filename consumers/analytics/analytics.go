// Package analytics is the stage that carries decisions into ClickHouse, one wide
// row for each, for analysts. It decides nothing and changes no record; what it
// loses with a database can be read again from the decisions topic.
//
// No Civil ID, name or document leaves it: who must be told apart is a keyed hash.
//
// It is exact under redelivery: it goes on after the highest position that
// ClickHouse holds, and drops a decision whose cause is not above the highest of
// its partition, because causes only move forward there.
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

// Sink is the [consumers.Handler] that writes decisions to ClickHouse.
type Sink struct {
	topics    schema.Topics
	db        driver.Conn
	publisher consumers.Publisher
	pseudonym *Pseudonym
	metrics   *metrics
	now       func() time.Time // for when a row was inserted

	partitions int // of the decisions topic
	notes      notes
}

// New returns the sink of an installation's decisions, whose topic has a number of
// partitions. What it cannot read it hands to the publisher, for the quarantine topic. The
// clock, the machine's if it is nil, says when a row was inserted: nothing else depends
// on it.
func New(topics schema.Topics, partitions int, db driver.Conn, publisher consumers.Publisher, p *Pseudonym, now func() time.Time, registry prometheus.Registerer) *Sink {
	if now == nil {
		now = time.Now
	}
	return &Sink{
		topics: topics, partitions: partitions, db: db, publisher: publisher, pseudonym: p, metrics: newMetrics(registry),
		now: now, notes: notes{every: notesEvery, waiting: map[int]note{}},
	}
}

var _ consumers.Handler = (*Sink)(nil)

//go:embed select_positions.sql
var selectPositions string

// Open goes on where the sink before this one stopped. What that one was about to
// insert stands in its claim: it is inserted again, exactly so, because it may still
// be on its way and only a block that is the same to the row is recognised as a
// repeat. The highest causes are those before it, as they were then.
func (s *Sink) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	start, err := readClaim(ctx, a.Claim)
	if err != nil {
		return nil, start, err
	}
	p := &sinkPartition{sink: s, partition: a.Partition, claim: a.Claim, highest: map[string]int64{}}
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

// sinkPartition is the sink's hold on one partition of the decisions topic.
type sinkPartition struct {
	sink      *Sink
	partition int
	claim     *consumers.Claim
	highest   map[string]int64 // the highest cause inserted, by its topic
	next      int64            // where the log goes on after what was inserted
	claimed   int64            // what the claim says of that
	open      bool             // whether the claim is of a block that may be half done
}

// readPositions reads the highest cause of each topic, and the highest place on the
// log, of the partition's decisions that lie before an offset of the log.
func (p *sinkPartition) readPositions(ctx context.Context, before int64) (last int64, err error) {
	rows, err := p.sink.db.Query(ctx, selectPositions, int32(p.partition), before)
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

// Idle lets the claim catch up, so that lag tools see that nothing is left, and tells
// analysts up to when all is in. The claim of a block that failed stands: whoever opens
// the partition next must insert just that one.
func (p *sinkPartition) Idle(ctx context.Context, emptyAt time.Time) error {
	if p.claim != nil && !p.open && p.claimed != p.next {
		if err := p.claim.Write(ctx, p.next, ""); err != nil {
			return err
		}
		p.claimed = p.next
	}
	return p.note(ctx, emptyAt)
}

// Prepare decodes a batch's decisions.
func (p *sinkPartition) Prepare(b *consumers.Batch) consumers.Work {
	w := &work{sinkPartition: p, batch: b, rows: make([]row, 0, len(b.Messages))}
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

// read reads a decision. One that does not lie in its cause's partition is none that
// the stage before published, and would make later ones look like repeats.
func (p *sinkPartition) read(m *consumers.Message) (schema.Decision, error) {
	decision, err := schema.ReadDecision(m.Key, m.Value, m.Headers)
	if err == nil && decision.Cause.Partition != p.partition {
		err = &schema.Error{
			Field: "cause.partition", Rule: schema.RuleContradiction,
			Detail: "another partition than the one that the decision lies in",
		}
	}
	return decision, err
}

// row is a decision and where and when it lay on the decisions topic.
type row struct {
	schema.Decision
	logOffset   int64
	publishedAt time.Time
}

// work is a batch of decisions on its way into ClickHouse.
type work struct {
	*sinkPartition
	batch    *consumers.Batch
	rows     []row
	sifted   bool
	setAside bool
}

// Apply inserts the batch's new rows, as one block for each month. A block's token is
// made of what it holds, so that a second attempt, after an answer that was lost, is
// recognised by ClickHouse and dropped.
func (w *work) Apply(ctx context.Context) error {
	if err := w.quarantine(ctx); err != nil {
		return err
	}
	w.sift()
	if err := w.claimBlock(ctx); err != nil {
		return err
	}
	for len(w.rows) > 0 {
		n := sameMonth(w.rows)
		if err := w.sink.insert(ctx, w.partition, w.rows[:n]); err != nil {
			return fmt.Errorf("insert decisions: %w", err)
		}
		w.inserted(n)
	}
	w.next, w.open = w.batch.To, false
	return nil
}

// claimBlock writes down, before anything is inserted, which run of the log is. A
// sink that has lost its partition cannot: it is fenced here.
func (w *work) claimBlock(ctx context.Context) error {
	if w.claim == nil || len(w.rows) == 0 {
		return nil
	}
	w.open = true
	return w.claim.Write(ctx, w.batch.From, claimNote(w.batch.To))
}

// sameMonth is how many of the first rows were decided in one month. ClickHouse
// writes a block down whole within a month only: if it died between two months'
// parts, the later could stand there without the earlier, and look like all.
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

// inserted takes the first n rows as done.
func (w *work) inserted(n int) {
	for i := range w.rows[:n] {
		cause := &w.rows[i].Cause
		w.highest[cause.Topic] = cause.Offset
	}
	w.rows = w.rows[n:]
	w.sink.metrics.inserted.Add(float64(n))
}

// quarantine puts aside what could not be read. There is no record here to say
// that it was done, so after a crash it may be done again.
func (w *work) quarantine(ctx context.Context) error {
	messages := w.batch.QuarantineMessages()
	if w.setAside || len(messages) == 0 {
		return nil
	}
	if err := w.sink.publisher.PublishPlaced(ctx, w.sink.topics.Quarantine, messages); err != nil {
		return fmt.Errorf("publish to %s: %w", w.sink.topics.Quarantine, err)
	}
	w.setAside = true
	return nil
}

// sift drops, once, what was inserted before: decisions that were published again
// when a worker of the stage before took a partition over.
func (w *work) sift() {
	if w.sifted {
		return
	}
	w.sifted = true
	highest := maps.Clone(w.highest)
	kept := w.rows[:0]
	for _, r := range w.rows {
		if last, seen := highest[r.Cause.Topic]; seen && r.Cause.Offset <= last {
			w.sink.metrics.repeated.Inc()
			continue
		}
		highest[r.Cause.Topic] = r.Cause.Offset
		kept = append(kept, r)
	}
	w.rows = kept
}
