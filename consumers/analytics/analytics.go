// Package analytics is the stage that carries answers into ClickHouse, for analysts: one wide
// row for each decision, and a narrow one for each message that could not be read. It decides
// nothing and changes nothing in Postgres; what is lost with ClickHouse can be read again from
// the decisions topics.
//
// No Civil ID, name or document leaves it: who must be told apart is a keyed hash.
//
// It is exact under redelivery. In each partition it goes on where the last worker's claim
// says, which is an offset that is committed to Kafka and read back; without a claim, after
// the highest offset that ClickHouse holds; where that holds none, from the log's start. It
// drops an answer whose cause is not above the highest of its partition: causes only move
// forward there, so it is a repeat.
//
// Answers of a later edition go through it: names that it does not know are inserted as they
// are, fields are passed over, and events of other types are counted.
package analytics

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
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

// Config is what the stage is told of the installation.
type Config struct {
	Topics schema.Topics
	DB     driver.Conn
	// Publisher publishes what the stage cannot read, on the quarantine topic.
	Publisher consumers.Publisher
	Pseudonym *Pseudonym
	// Simulation says that the installation is one, for the metrics. Each answer says it too.
	Simulation bool
	// Now says when a row was inserted: nothing else depends on it. Default [time.Now].
	Now func() time.Time
}

// Stage is the [consumers.Handler] that writes answers to ClickHouse.
type Stage struct {
	Config
	metrics    *metrics
	watermarks watermarks
}

// New returns the stage.
func New(config Config, registry prometheus.Registerer) *Stage {
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Stage{
		Config: config, metrics: newMetrics(registry),
		watermarks: watermarks{every: watermarksEvery, waiting: map[schema.TopicPartition]watermark{}},
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
	channel, _ := s.Topics.DecisionsChannel(a.Topic)
	p := &stagePartition{stage: s, TopicPartition: a.TopicPartition, channel: channel, claim: a.Claim, highest: map[string]int64{}}
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

// stagePartition is what the stage keeps of one partition of a decisions topic.
type stagePartition struct {
	schema.TopicPartition
	stage   *Stage
	channel schema.Channel // whose topic it is
	claim   *consumers.Claim
	highest map[string]int64 // the highest cause inserted, by its topic
	next    int64            // the offset after what was inserted
	claimed int64            // what the claim says of that
	open    bool             // whether the claim is of a block that may be half done
}

// readPositions reads the highest cause of each topic, and the highest offset on the
// decisions topic, of the partition's answers that lie before an offset of that topic.
func (p *stagePartition) readPositions(ctx context.Context, before int64) (last int64, err error) {
	rows, err := p.stage.DB.Query(ctx, selectPositions, p.Topic, int32(p.Partition), before)
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

// Prepare decodes a batch's answers.
func (p *stagePartition) Prepare(b *consumers.Batch) consumers.Work {
	w := &work{stagePartition: p, batch: b, rows: make([]row, 0, len(b.Messages))}
	for i := range b.Messages {
		m := &b.Messages[i]
		answer, err := p.read(m)
		if err != nil {
			b.Quarantine(m, err)
			continue
		}
		r := row{Decision: answer.Decision, logOffset: m.Offset, publishedAt: m.Time}
		switch answer.Type {
		case schema.TypeDecision:
		case schema.TypeUnreadable:
			u := &answer.Unreadable
			r.Cause, r.ReceivedAt, r.Simulation, r.rule = u.Cause, u.ReceivedAt, u.Simulation, u.Rule
		default:
			w.ignored++
			continue
		}
		w.rows = append(w.rows, r)
	}
	return w
}

// read reads an answer. One that does not lie in its cause's partition, or on another
// channel's topic, was not published by the renewals stage, and would make later ones look
// like repeats. Where the answer to a cause of another kind lies, a later edition knows.
func (p *stagePartition) read(m *consumers.Message) (schema.Answer, error) {
	answer, err := schema.ReadAnswer(m.Key, m.Value, m.Headers)
	if err != nil || answer.Type != schema.TypeDecision && answer.Type != schema.TypeUnreadable {
		return answer, err
	}
	cause := answer.Cause()
	answersTo, known := p.stage.Topics.AnswersTo(cause.Topic)
	switch {
	case cause.Partition != p.Partition:
		err = &schema.Error{
			Field: "cause.partition", Rule: schema.RuleContradiction,
			Detail: "another partition than the one that the answer lies in",
		}
	case known && answersTo != p.Topic:
		err = &schema.Error{
			Field: "cause.topic", Rule: schema.RuleContradiction,
			Detail: "a topic whose messages are not answered on the one that the answer lies on",
		}
	}
	return answer, err
}

// row is an answer, and where it lies on its topic and since when.
type row struct {
	schema.Decision             // of a message that cannot be read only its cause, its time and whether it is of a simulation
	rule            schema.Rule // that a message breaks which cannot be read; empty for a decision
	logOffset       int64
	publishedAt     time.Time
}

// work is a batch of answers on its way into ClickHouse.
type work struct {
	*stagePartition
	batch          *consumers.Batch
	rows           []row // that are still to be inserted
	ignored        int   // events of types that are not known
	quarantined    bool  // whether what could not be read was published
	repeatsDropped bool  // whether repeats were dropped
}

// Apply quarantines what could not be read, drops repeats, claims the batch and inserts
// its rows, as one block for each table and month. What an earlier attempt has done is not
// done again. A block's token is made of what it holds, so where an answer was lost,
// ClickHouse recognises the second attempt and drops it.
//
// The rows of messages that cannot be read come first: the time of the last decision that is
// in says up to when all is.
func (w *work) Apply(ctx context.Context) error {
	if err := w.quarantine(ctx); err != nil {
		return err
	}
	w.dropRepeats()
	if err := w.claimBlock(ctx); err != nil {
		return err
	}
	for len(w.rows) > 0 {
		n := sameBlock(w.rows)
		if err := w.stage.insert(ctx, w.TopicPartition, w.rows[:n]); err != nil {
			return fmt.Errorf("insert answers: %w", err)
		}
		w.inserted(n)
	}
	w.stage.metrics.ignored.Add(float64(w.ignored))
	w.next, w.open = w.batch.To, false
	return nil
}

// quarantine publishes what could not be read. Nothing notes that it was done, so after a
// crash it may be done again.
func (w *work) quarantine(ctx context.Context) error {
	quarantine := w.stage.Topics.Quarantine()
	messages := w.batch.QuarantineMessages(quarantine)
	if w.quarantined || len(messages) == 0 {
		return nil
	}
	if err := w.stage.Publisher.PublishPlaced(ctx, messages); err != nil {
		return &consumers.AwayError{Err: fmt.Errorf("publish to %s: %w", quarantine, err)}
	}
	w.quarantined = true
	return nil
}

// dropRepeats drops, once, what was inserted before: answers that were published again when
// a partition of the renewals stage changed hands. Then it puts the rows of each table
// together.
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
	w.rows = unreadableFirst(kept)
}

// unreadableFirst puts the rows of messages that cannot be read before the decisions, each in
// their order.
func unreadableFirst(rows []row) []row {
	if !slices.ContainsFunc(rows, func(r row) bool { return r.unreadable() }) {
		return rows
	}
	sorted := make([]row, 0, len(rows))
	for _, unreadable := range []bool{true, false} {
		for i := range rows {
			if rows[i].unreadable() == unreadable {
				sorted = append(sorted, rows[i])
			}
		}
	}
	return sorted
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

// sameBlock is how many of the first rows are a block: of one table and one month. ClickHouse
// inserts a block as a whole within a month only: if it died between two months' parts,
// the later could be there without the earlier, and look like all.
func sameBlock(rows []row) int {
	n := 1
	for n < len(rows) && rows[n].unreadable() == rows[0].unreadable() && month(rows[n].partitionedBy()) == month(rows[0].partitionedBy()) {
		n++
	}
	return n
}

// unreadable says whether the row is of a message that could not be read.
func (r *row) unreadable() bool { return r.rule != "" }

// partitionedBy is the time by whose months the row's table is partitioned.
func (r *row) partitionedBy() time.Time {
	if r.unreadable() {
		return r.ReceivedAt
	}
	return r.DecidedAt
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
		if highest, seen := w.highest[cause.Topic]; !seen || cause.Offset > highest {
			w.highest[cause.Topic] = cause.Offset
		}
	}
	w.rows = w.rows[n:]
	w.stage.metrics.inserted.Add(float64(n))
}
