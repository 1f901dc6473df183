package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// worker owns one partition for one generation. Two goroutines share the work:
// one fetches and prepares the next batch while the other applies this one. The
// channel between them holds one batch, so that a slow store stops the fetching.
type worker struct {
	engine    *Engine
	fetcher   *fetcher
	committer *committer
	claim     *Claim
	breaker   *breaker
	log       *slog.Logger
}

const (
	// maxWait is how long the broker holds a fetch that finds nothing. Then the
	// partition is idle.
	maxWait = 500 * time.Millisecond
	// restEvery is how often an idle partition's stage is told so.
	restEvery = 5 * time.Second
)

func (e *Engine) newWorker(partition int, committer *committer) *worker {
	broker := kafka.TCP(e.config.Brokers...)
	return &worker{
		engine:    e,
		committer: committer,
		claim: &Claim{
			client: &kafka.Client{Addr: broker, Transport: e.transport, Timeout: dialTimeout},
			group:  e.config.Group, topic: e.config.Topic, partition: partition,
			generation: int(committer.generation.ID), member: committer.generation.MemberID,
		},
		breaker: &breaker{limit: e.config.QuarantineLimit},
		log:     e.log.With("topic", e.config.Topic, "partition", partition),
		fetcher: &fetcher{
			transport: e.transport,
			broker:    broker,
			topic:     e.config.Topic,
			partition: partition,
			maxBytes:  e.config.BatchBytes,
		},
	}
}

// run works until the generation ends: it takes the partition over, applies its
// batches, and begins again where another has moved the position. ctx ends the
// taking; a batch in flight has the drain timeout to end in.
func (w *worker) run(ctx context.Context) {
	taking, cancel := context.WithCancel(ctx)
	defer cancel()
	doing, release := w.engine.drained(taking)
	defer release()
	for taking.Err() == nil {
		switch err := w.hold(taking, doing); {
		case errors.Is(err, ErrFenced):
			w.log.Info("another worker has gone on from here; looking where the partition stands")
			w.engine.metrics.fenced.Inc()
			_ = wait(taking, retryFirst)
		case err != nil:
			w.log.Warn("a batch was left to whoever owns the partition next", "cause", err)
		}
	}
}

// drained returns a context that outlives taking by the drain timeout.
func (e *Engine) drained(taking context.Context) (context.Context, func()) {
	doing, cancel := context.WithCancelCause(context.WithoutCancel(taking))
	stop := context.AfterFunc(taking, func() {
		timer := time.AfterFunc(e.config.DrainTimeout, func() { cancel(errDrained) })
		context.AfterFunc(doing, func() { timer.Stop() })
	})
	return doing, func() {
		stop()
		cancel(context.Canceled)
	}
}

var errDrained = errors.New("the drain timeout is over")

// hold works on the partition until the generation ends, which is no error, or
// another worker is found to own it.
func (w *worker) hold(taking, doing context.Context) error {
	partition, start, err := w.open(taking)
	if err != nil {
		return nil // the generation ended first
	}
	w.engine.setHealth(w.fetcher.partition, nil)
	fetching, stop := context.WithCancel(taking)
	defer stop()
	ready := make(chan prepared, 1)
	go w.fetchAll(fetching, partition, start, ready)
	err = w.applyAll(doing, partition, ready)
	stop()
	for range ready { // fetchAll closes it
	}
	return err
}

// open takes the partition over, however long that takes.
func (w *worker) open(ctx context.Context) (partition Partition, start Start, err error) {
	err = w.retry(ctx, actOpen, func(ctx context.Context) error {
		logStart, err := w.logStart(ctx)
		if err != nil {
			return err
		}
		partition, start, err = w.engine.handler.Open(ctx, Assignment{Partition: w.fetcher.partition, LogStart: logStart, Claim: w.claim})
		return err
	})
	return partition, start, err
}

// logStart asks the broker where the partition's log begins.
func (w *worker) logStart(ctx context.Context) (int64, error) {
	topic, partition := w.fetcher.topic, w.fetcher.partition
	client := &kafka.Client{Addr: w.fetcher.broker, Transport: w.engine.transport, Timeout: dialTimeout}
	response, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(partition)}},
	})
	if err != nil {
		return 0, fmt.Errorf("find the log's start: %w", err)
	}
	for _, p := range response.Topics[topic] {
		if p.Partition == partition {
			return p.FirstOffset, p.Error
		}
	}
	return 0, fmt.Errorf("find the log's start: %w", kafka.UnknownTopicOrPartition)
}

// prepared is what the fetching goroutine hands to the applying one: a batch, or
// the news that the partition was empty.
type prepared struct {
	batch   *Batch
	work    Work
	emptyAt time.Time // set where there is no batch
}

// fetchAll fetches and prepares batches from start on until ctx ends.
func (w *worker) fetchAll(ctx context.Context, partition Partition, start Start, out chan<- prepared) {
	defer close(out)
	next := start.Next
	if start.Until > next {
		batch, err := w.exactly(ctx, start)
		if err != nil || !hand(ctx, out, prepared{batch: batch, work: partition.Prepare(batch)}) {
			return // ctx ended
		}
		next = batch.To
	}
	for {
		begin := time.Now()
		batch, err := w.nextBatch(ctx, next)
		if err != nil {
			return // ctx ended
		}
		if batch.To == batch.From {
			if !hand(ctx, out, prepared{emptyAt: begin}) {
				return
			}
			continue
		}
		next = batch.To
		for _, part := range batch.split(w.engine.config.BatchMessages) {
			if !hand(ctx, out, prepared{batch: part, work: partition.Prepare(part)}) {
				return
			}
		}
	}
}

// exactly fetches the batch that ends where it is told to.
func (w *worker) exactly(ctx context.Context, start Start) (*Batch, error) {
	batch := w.newBatch(start.Next)
	for batch.To < start.Until {
		if err := w.fetch(ctx, batch, maxWait); err != nil {
			return nil, err
		}
	}
	return batch.before(start.Until), nil
}

func (w *worker) newBatch(next int64) *Batch {
	return &Batch{Topic: w.engine.config.Topic, Partition: w.fetcher.partition, From: next, To: next}
}

// hand hands over, unless ctx ends first.
func hand(ctx context.Context, out chan<- prepared, p prepared) bool {
	select {
	case out <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// nextBatch fetches what lies at next. While that is little, it waits for the batch
// age and takes what has come by then: a lone message waits no longer, and under
// backlog nothing waits at all. Where messages come fast it waits a few ages more,
// because a store asks as much for a small batch as for a large one.
func (w *worker) nextBatch(ctx context.Context, next int64) (*Batch, error) {
	config := w.engine.config
	batch := w.newBatch(next)
	if err := w.fetch(ctx, batch, maxWait); err != nil {
		return nil, err
	}
	fast := true // until an age has shown that it is not so
	for ages := 0; batch.To > batch.From && len(batch.Messages) < config.BatchMessages/2; {
		had, from := len(batch.Messages), batch.To
		waits := batch.To >= batch.HighWatermark
		if waits {
			if ages == mostAges || !fast {
				break
			}
			if err := wait(ctx, config.BatchAge); err != nil {
				return nil, err
			}
			ages++
		}
		if err := w.fetch(ctx, batch, 0); err != nil {
			return nil, err
		}
		if batch.To == from {
			break // also where a transaction is open: what lies behind it can't be read yet
		}
		if waits {
			fast = len(batch.Messages)-had >= config.BatchMessages/fastShare
		}
	}
	return batch, nil
}

const (
	// fastShare is the part of a batch that must come within the batch age for
	// messages to come fast.
	fastShare = 16
	// mostAges is how many batch ages a batch waits then. Inserted 1,000 at a time,
	// decisions cost ClickHouse 9 µs a row, and 5,000 at a time 3 µs (BenchmarkInsert).
	mostAges = 3
)

// fetch fetches once with success; what came may be nothing.
func (w *worker) fetch(ctx context.Context, b *Batch, wait time.Duration) error {
	return w.retry(ctx, actFetch, func(ctx context.Context) error {
		err := w.fetcher.fetch(ctx, b, wait)
		w.engine.metrics.fetched(b, err)
		return err
	})
}

// applyAll applies batches in their order until there are no more.
func (w *worker) applyAll(doing context.Context, partition Partition, in <-chan prepared) error {
	rested := time.Time{}
	for p := range in {
		switch {
		case p.batch != nil:
			if err := w.apply(doing, partition, p); err != nil {
				return err
			}
			rested = time.Time{}
		case p.emptyAt.Sub(rested) >= restEvery:
			w.rest(doing, partition, p.emptyAt)
			rested = p.emptyAt
		}
	}
	w.rest(doing, partition, time.Time{})
	return nil
}

// rest lets the stage write down what otherwise waits for the next batch. If that
// fails, it goes on waiting.
func (w *worker) rest(doing context.Context, partition Partition, emptyAt time.Time) {
	if err := partition.Idle(doing, emptyAt); err != nil {
		w.log.Warn("what was done could not be written down; it may be announced again", "error", err)
	}
}

// apply applies one batch, however often it takes, while no more than the
// configured number of batches are applied in the process.
func (w *worker) apply(doing context.Context, partition Partition, p prepared) error {
	if err := w.admit(doing, p.batch); err != nil {
		return err
	}
	select {
	case w.engine.slots <- struct{}{}:
		defer func() { <-w.engine.slots }()
	case <-doing.Done():
		return context.Cause(doing)
	}
	return w.applyOrHalve(doing, partition, p)
}

// admit waits, for an operator, where too much of the partition would be put aside.
func (w *worker) admit(doing context.Context, b *Batch) error {
	return w.retry(doing, actApply, func(context.Context) error {
		return w.breaker.admit(len(b.Messages), len(b.quarantined))
	})
}

// applyOrHalve applies a batch. Where the record refuses it because of a message, it
// is halved until that message is alone, which is put aside; the others take effect
// in their order. k such messages among n cost about 2 k log n transactions.
func (w *worker) applyOrHalve(doing context.Context, partition Partition, p prepared) error {
	begin := time.Now()
	err := w.retry(doing, actApply, p.work.Apply)
	switch {
	case err == nil:
		w.engine.metrics.applied(p.batch, time.Since(begin))
		if !w.claim.used {
			w.committer.mark(p.batch.Partition, p.batch.To)
		}
		return nil
	case KindOf(err) != Refused || p.batch.refused > 0:
		return err
	}
	for _, part := range w.halves(p.batch, err) {
		if part.refused > 0 {
			if err := w.admit(doing, part); err != nil {
				return err
			}
		}
		if err := w.applyOrHalve(doing, partition, prepared{batch: part, work: partition.Prepare(part)}); err != nil {
			return err
		}
	}
	return nil
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
