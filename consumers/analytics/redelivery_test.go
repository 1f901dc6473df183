package analytics

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// A batch that is delivered again goes in once: to the same owner, and to one that
// has just taken the partition over.
func TestSameBatchAgain(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	p := h.open(h.newStage(h.db), 0)
	for range 3 {
		h.deliver(p, log(0, decisions(0, 50)...)...)
	}
	h.exactly(50)
	h.deliver(h.open(h.newStage(h.db), 50), log(0, decisions(0, 50)...)...)
	h.exactly(50)
}

// Decisions that were published again when a partition of the stage before changed
// hands lie on the topic twice, and go in once.
func TestPublishedAgain(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	stage := h.newStage(h.db)
	p := h.open(stage, 0)
	h.deliver(p, log(0, decisions(0, 30)...)...)
	h.deliver(p, log(30, append(decisions(10, 30), decisions(20, 40)...)...)...) // twice
	h.deliver(p, log(70, decisions(30, 40)...)...)                               // nothing new
	h.exactly(40)
	if inserted, repeated := testutil.ToFloat64(stage.metrics.inserted), testutil.ToFloat64(stage.metrics.repeated); inserted != 40 || repeated != 40 {
		t.Errorf("%v inserted and %v repeated, want 40 of each", inserted, repeated)
	}
}

// However a log with repeats is cut, wherever the stage is started again, and
// however far before it goes on a batch begins, each decision goes in once.
func TestCutsAndRestarts(t *testing.T) {
	t.Parallel()
	all := append(decisions(0, 120), decisions(90, 200)...)
	all = append(all, decisions(150, 260)...)
	messages := log(0, all...)
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newDatabase(t)
			rng := rand.New(rand.NewPCG(seed, 3))
			p := h.open(h.newStage(h.db), 0)
			for from, done := 0, 0; done < len(messages); {
				to := min(len(messages), from+1+rng.IntN(60))
				h.deliver(p, messages[from:to]...)
				done = max(done, to)
				from = to
				if rng.IntN(3) == 0 {
					p = h.reopen()
					from = max(0, done-rng.IntN(80))
				}
			}
			h.exactly(260)
		})
	}
}

// reopen is another process that takes the partition over.
func (h *database) reopen() *stagePartition {
	h.Helper()
	p, _, err := h.newStage(h.db).Open(h.Context(), consumers.Assignment{TopicPartition: at})
	if err != nil {
		h.Fatal(err)
	}
	return p.(*stagePartition)
}

// A stage that starts goes on after the highest offset that it finds.
func TestGoesOnAfterTheHighest(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	h.deliver(h.open(h.newStage(h.db), 0), log(0, decisions(0, 50)...)...)
	h.deliver(h.open(h.newStage(h.db), 50), log(50, decisions(50, 120)...)...)
	h.open(h.newStage(h.db), 120)
	h.exactly(120)
}

// Where nothing was inserted yet the stage begins at the log's start. Where something
// was it does not: if the log begins later, the engine is to see the gap.
func TestGapIsNotPassedOver(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	for _, want := range []int64{1000, 50} {
		p, start, err := h.newStage(h.db).Open(t.Context(), consumers.Assignment{TopicPartition: at, LogStart: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if start.Next != want {
			t.Errorf("goes on at %d, want %d", start.Next, want)
		}
		h.deliver(p.(*stagePartition), log(0, decisions(0, 50)...)...)
	}
}

// Partitions of one topic know nothing of each other.
func TestPartitionsAreApart(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	stage := h.newStage(h.db)
	h.deliver(h.open(stage, 0), log(0, decisions(0, 50)...)...)
	p, start, err := stage.Open(t.Context(), consumers.Assignment{TopicPartition: schema.TopicPartition{Topic: at.Topic, Partition: partition + 1}, LogStart: 7})
	if err != nil || start.Next != 7 {
		t.Fatalf("the other partition goes on at %d, %v", start.Next, err)
	}
	var messages []consumers.Message
	for i, d := range decisions(0, 10) {
		d.Cause.Partition++
		messages = append(messages, message(int64(7+i), d))
	}
	b := batch(messages...)
	b.Partition++
	if err := p.Prepare(b).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := h.lines(`SELECT concat(toString(log_partition), ' ', toString(count())) FROM decision GROUP BY log_partition ORDER BY log_partition`); fmt.Sprint(rows) != "[3 50 4 10]" {
		t.Errorf("rows by partition: %v", rows)
	}
}

// Decisions of causes in two topics lie in one partition, and their offsets have
// nothing to do with each other.
func TestTwoCauseTopics(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	var all []schema.Decision
	for i := range int64(20) {
		evidence := decision(i)
		evidence.Cause.Topic, evidence.Cause.Offset = "test.evidence", 1000+i
		all = append(all, evidence, decision(i))
	}
	all = append(all, all[10:]...) // published again
	h.deliver(h.open(h.newStage(h.db), 0), log(0, all[:25]...)...)
	h.deliver(h.open(h.newStage(h.db), 25), log(20, all[20:]...)...)
	rows := h.lines(`SELECT concat(cause_topic, ' ', toString(count()), ' ', toString(min(cause_offset)), ' ', toString(max(cause_offset)))
		FROM decision GROUP BY cause_topic ORDER BY cause_topic`)
	if want := "[test.evidence 20 1000 1019 test.submissions.company_portal 20 0 19]"; fmt.Sprint(rows) != want {
		t.Errorf("rows by topic: %v, want %v", rows, want)
	}
}
