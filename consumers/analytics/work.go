package analytics

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// row is an answer, and where it lies on its topic and since when.
type row struct {
	schema.Decision             // of a message that cannot be read only its cause, its time and whether it is of a simulation
	rule            schema.Rule // that a message breaks which cannot be read; empty for a decision
	log             *logPartition
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
	settled        bool  // whether it is known which rows a joint block brought in
	alone          bool  // whether a block of its own may have been sent
	done           bool
}

// Apply quarantines what could not be read, drops repeats, claims the batch and inserts
// its rows, as one block for each table and month. What an earlier attempt has done is not
// done again. A block's token is made of what it holds, so where an answer was lost,
// ClickHouse recognises the second attempt and drops it.
//
// The rows of messages that cannot be read come first: the time of the last decision that is
// in says up to when all is.
func (w *work) Apply(ctx context.Context) error {
	if w.done {
		return nil
	}
	if err := quarantine(ctx, w.stage, w); err != nil {
		return err
	}
	w.dropRepeats()
	if err := w.insertAlone(ctx); err != nil {
		return err
	}
	w.finish()
	return nil
}

// insertAlone inserts the rows in blocks of the partition's own. If they may have gone in with
// a joint block, that is found out first, while the claim still names it.
func (w *work) insertAlone(ctx context.Context) error {
	if err := w.settle(ctx); err != nil {
		return err
	}
	if err := w.claimBlock(ctx); err != nil {
		return err
	}
	w.alone = true
	for len(w.rows) > 0 {
		n := sameBlock(w.rows)
		if err := w.stage.insert(ctx, token(w.rows[:n]), w.rows[:n]); err != nil {
			return fmt.Errorf("insert answers: %w", err)
		}
		w.inserted(n)
	}
	return nil
}

// finish notes that the batch is done.
func (w *work) finish() {
	w.stage.metrics.ignored.Add(float64(w.ignored))
	w.next, w.open, w.joint, w.done = w.batch.To, false, nil, true
}

// quarantine publishes what could not be read of some works. Nothing notes that it was done,
// so after a crash it may be done again.
func quarantine(ctx context.Context, s *Stage, works ...*work) error {
	topic := s.Topics.Quarantine()
	var messages []kafka.Message
	for _, w := range works {
		if !w.quarantined {
			messages = append(messages, w.batch.QuarantineMessages(topic)...)
		}
	}
	if len(messages) > 0 {
		if err := s.Publisher.PublishPlaced(ctx, messages); err != nil {
			return &consumers.AwayError{Err: fmt.Errorf("publish to %s: %w", topic, err)}
		}
	}
	for _, w := range works {
		w.quarantined = true
	}
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

// note is what the claim says of the batch. It goes on naming a joint block that brought in some
// of the rows: who reads it must find that out too, or those rows go in twice.
func (w *work) note() string {
	if w.joint == nil {
		return claimNote(w.batch.To, "")
	}
	return claimNote(w.batch.To, w.joint.token)
}

// claimBlock writes into the claim, before anything is inserted, which offsets will be. A
// worker that has lost the partition cannot: it is fenced here.
func (w *work) claimBlock(ctx context.Context) error {
	if w.claim == nil || len(w.rows) == 0 {
		return nil
	}
	w.open = true
	return w.claim.Write(ctx, w.batch.From, w.note())
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

// table is the one that the row goes into.
func (r *row) table() string {
	if r.unreadable() {
		return "unreadable"
	}
	return "decision"
}

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
