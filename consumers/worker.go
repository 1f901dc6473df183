package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"tajdeed/schema"
)

// worker owns one partition for one generation. It takes the partition over, applies a
// batch by itself, and then lets the partition travel in a lane with others until
// something is wrong with it alone; then it begins again. So what concerns a single
// partition (a takeover, a message that the record refuses, a gap, a flood) happens
// here, one step after another, and holds no other up.
type worker struct {
	engine    *Engine
	partition int
	committer *committer
	lanes     *lanes
	claim     *Claim
	breaker   *breaker
	log       *slog.Logger
}

// maxWait is how long the broker holds a fetch that finds nothing. Then the partition
// is idle.
const maxWait = 500 * time.Millisecond

func (e *Engine) newWorker(partition int, generation *kafka.Generation, committer *committer, lanes *lanes) *worker {
	return &worker{
		engine:    e,
		partition: partition,
		committer: committer,
		lanes:     lanes,
		claim: &Claim{
			client: e.client(),
			group:  e.config.Group, topic: e.config.Topic, partition: partition,
			generation: int(generation.ID), member: generation.MemberID,
		},
		breaker: &breaker{limit: e.config.QuarantineLimit},
		log:     e.log.With("topic", e.config.Topic, "partition", partition),
	}
}

// hold is a worker's hold on its partition, from one opening to the next.
type hold struct {
	*worker
	stage Partition
	next  int64 // what is to be fetched

	busy time.Time       // when something last came
	told time.Time       // when the stage was last told that nothing comes
	last <-chan struct{} // the end of its last round, for the next to go behind
	left chan error      // why the partition left its lane
	gone atomic.Bool     // it has: what of it is still on its way in the lane is dropped
}

// newBatch begins a batch where the partition goes on.
func (h *hold) newBatch() *Batch {
	return &Batch{Topic: h.engine.config.Topic, Partition: h.partition, From: h.next, To: h.next}
}

// run works until taking ends: it takes the partition over, and begins again where
// something came between. A batch in flight may end as long as doing lasts.
func (w *worker) run(taking, doing context.Context) {
	for taking.Err() == nil {
		switch err := w.own(taking, doing); {
		case errors.Is(err, ErrFenced):
			w.log.Info("another worker has gone on from here; looking where the partition stands")
			w.engine.metrics.fenced.Inc()
			_ = wait(taking, retryFirst)
		case errors.Is(err, errDrained):
			w.log.Warn("a batch was left to whoever owns the partition next", "cause", err)
		case taking.Err() == nil:
			w.log.Info("the partition is looked at by itself", "cause", err)
			_ = wait(taking, retryFirst)
		}
	}
}

// own works on the partition until taking ends, or until it has to be opened again.
func (w *worker) own(taking, doing context.Context) error {
	h, start, err := w.open(taking)
	if err != nil {
		return err
	}
	w.engine.setHealth(nil, w.partition)
	if err = w.alone(taking, doing, h, start.Until); err == nil {
		err = w.travel(taking, doing, h)
	}
	if doing.Err() == nil && !errors.Is(err, ErrFenced) {
		resting, cancel := context.WithTimeout(doing, restTimeout)
		defer cancel()
		h.rest(resting, time.Time{}) // or what was announced last is announced again
	}
	return err
}

// open takes the partition over, however long that takes.
func (w *worker) open(ctx context.Context) (h *hold, start Start, err error) {
	h = &hold{worker: w, left: make(chan error, 1)}
	err = w.retry(ctx, actOpen, func(ctx context.Context) error {
		logStart, err := w.logStart(ctx)
		if err != nil {
			return err
		}
		h.stage, start, err = w.engine.handler.Open(ctx, Assignment{Partition: w.partition, LogStart: logStart, Claim: w.claim})
		return err
	})
	h.next = start.Next
	return h, start, err
}

// logStart asks the broker where the partition's log begins.
func (w *worker) logStart(ctx context.Context) (int64, error) {
	topic := w.engine.config.Topic
	response, err := w.engine.client().ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(w.partition)}},
	})
	if err != nil {
		return 0, fmt.Errorf("find the log's start: %w", err)
	}
	for _, p := range response.Topics[topic] {
		if p.Partition == w.partition {
			return p.FirstOffset, p.Error
		}
	}
	return 0, fmt.Errorf("find the log's start: %w", kafka.UnknownTopicOrPartition)
}

// alone fetches and applies what comes next, by itself. If until is not 0, that is
// exactly the batch that ends there.
func (w *worker) alone(taking, doing context.Context, h *hold, until int64) error {
	batch := h.newBatch()
	for again := true; again; again = batch.To < until {
		if err := w.fetch(taking, batch); err != nil {
			return err
		}
	}
	w.engine.metrics.fetched(batch)
	if batch.To == batch.From {
		return nil
	}
	parts := batch.split(w.engine.config.BatchMessages)
	if until > h.next {
		parts = []*Batch{batch.before(until)}
	}
	for _, part := range parts {
		if err := w.apply(doing, h, part); err != nil {
			return err
		}
		h.next = part.To
	}
	return nil
}

// fetch fetches for this partition only, with success; what came may be nothing.
func (w *worker) fetch(ctx context.Context, b *Batch) error {
	return w.retry(ctx, actFetch, func(ctx context.Context) error {
		faults, err := w.engine.fetcher.fetch(ctx, []*Batch{b}, maxWait)
		if err == nil {
			err = faults[0]
		}
		return err
	})
}

// travel hands the partition to the lane of its leader, until it leaves that, which
// is an error, or the lane ends with the generation.
func (w *worker) travel(taking, doing context.Context, h *hold) error {
	var leader int
	err := w.retry(taking, actFetch, func(ctx context.Context) (err error) {
		leader, err = w.leader(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return w.lanes.travel(taking, doing, leader, h)
}

// leader asks which broker leads the partition.
func (w *worker) leader(ctx context.Context) (int, error) {
	topic := w.engine.config.Topic
	answer, err := w.engine.transport.RoundTrip(ctx, w.engine.fetcher.broker, &metadata.Request{TopicNames: []string{topic}})
	if err != nil {
		return 0, fmt.Errorf("find the leader: %w", err)
	}
	if response, ok := answer.(*metadata.Response); ok {
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				if t.Name == topic && int(p.PartitionIndex) == w.partition && p.LeaderID >= 0 {
					return int(p.LeaderID), nil
				}
			}
		}
	}
	return 0, fmt.Errorf("find the leader: %w", kafka.LeaderNotAvailable)
}

// restTimeout is how long a store may take to write that down, of all partitions of a
// round. One that hangs is found by the next batch, which must get to it.
const restTimeout = 5 * time.Second

// rest lets the stage write down what otherwise waits for the next batch. If that
// fails, it goes on waiting.
func (h *hold) rest(ctx context.Context, emptyAt time.Time) {
	if err := h.stage.Idle(ctx, emptyAt); err != nil {
		h.log.Warn("what was done could not be written down; it may be announced again", "error", err)
	}
}

// admit waits, for an operator, where too much of the partition would be put aside.
func (w *worker) admit(doing context.Context, b *Batch) error {
	return w.retry(doing, actApply, func(context.Context) error {
		return w.breaker.admit(len(b.Messages), len(b.quarantined))
	})
}

// apply applies one batch by itself, however often it takes.
func (w *worker) apply(doing context.Context, h *hold, b *Batch) error {
	work := h.stage.Prepare(b)
	if err := w.admit(doing, b); err != nil {
		return err
	}
	return w.applyOrHalve(doing, h, b, work)
}

// applyOrHalve applies a batch. Where the record refuses it because of a message, it
// is halved until that message is alone, which is put aside; the others take effect
// in their order. k such messages among n cost about 2 k log n transactions.
func (w *worker) applyOrHalve(doing context.Context, h *hold, b *Batch, work Work) error {
	begin := time.Now()
	err := w.retry(doing, actApply, func(ctx context.Context) error { return w.engine.inTurn(ctx, work.Apply) })
	switch {
	case err == nil:
		w.engine.metrics.applied(time.Since(begin), b)
		w.mark(b)
		return nil
	case KindOf(err) != Refused || b.refused > 0:
		return err
	}
	for _, part := range w.halves(b, err) {
		work := h.stage.Prepare(part)
		if part.refused > 0 {
			if err := w.admit(doing, part); err != nil {
				return err
			}
		}
		if err := w.applyOrHalve(doing, h, part, work); err != nil {
			return err
		}
	}
	return nil
}

// mark has the offset committed to which a batch was applied, unless the stage has
// written that in a claim.
func (w *worker) mark(b *Batch) {
	if !w.claim.used {
		w.committer.mark(b.Partition, b.To)
	}
}

// halves cuts a refused batch in two, or puts its only message aside.
func (w *worker) halves(b *Batch, refused error) []*Batch {
	if n := len(b.Messages); n > 1 {
		head, tail := b.cut(n / 2)
		return []*Batch{head, tail}
	}
	w.log.Warn("the record refuses a message; it is put aside", "offset", b.Messages[0].Offset, "cause", sqlState(refused))
	return []*Batch{b.without(&schema.Error{Rule: schema.RuleNotStorable, Detail: sqlState(refused)})}
}

// retry tries again, for this partition, what may pass.
func (w *worker) retry(ctx context.Context, act string, do func(context.Context) error) error {
	return w.engine.retry(ctx, w.log, act, forEver, func() []int { return []int{w.partition} }, do)
}
