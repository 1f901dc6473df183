package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/deploy/local"
	"tajdeed/producers"
	"tajdeed/schema"
)

// openLoop publishes at a rate, whatever becomes of what it has published: each message
// is due at an instant of its own and its wait is counted from then, also where an
// earlier one held it up on its way. A loop that waits for answers would send less
// while the system is slow, and not see what it omits.
type openLoop struct {
	world      *world
	publisher  *producers.Publisher
	began      time.Time
	partitions []scheduled
	readable   int64
}

// scheduled is a partition's share of the schedule. The place of a message in it is its
// offset: the log is empty, and nobody else publishes.
type scheduled struct {
	messages []client.Message
	due      []time.Duration // since the beginning
	readable []bool
	// When each was seen to be answered on the decisions topic, and in ClickHouse; each
	// is written by one goroutine.
	decided, queryable []time.Duration
}

const (
	// latencySpan is how long messages are sent at each rate.
	latencySpan = 20 * time.Second
	// latencyWarmUp is how much of the beginning does not count, at most a quarter.
	latencyWarmUp = time.Second
	// sendMost is how many due messages a sender sends at once.
	sendMost = 1000
)

// latency measures how long applications wait at a rate: until the answer could be read
// on the decisions topic, and until ClickHouse was seen to have it, which is asked every
// few milliseconds. Both are what another process would see, and so upper bounds. The
// stages wait at an empty topic; the span is from the first message's instant until the
// last answer could be queried.
func (b *bench) latency(ctx context.Context, load workload, rate int) (run runResult, err error) {
	load.n = min(load.n, int64(rate)*int64(latencySpan/time.Second))
	w, err := b.emptyWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	loop, err := w.schedule(load, rate)
	if err != nil {
		return run, err
	}
	defer func() { _ = loop.publisher.Close() }()
	if err := w.openForWork(ctx); err != nil {
		return run, err
	}
	watch := w.startClock(partPublisher)
	loop.began = watch.began
	if err := loop.run(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(load.n); err != nil {
		return run, err
	}
	run.latency = loop.waits(min(latencyWarmUp, time.Duration(load.n)*time.Second/time.Duration(4*rate)))
	return run, errors.Join(w.checkLog(ctx, w.log), w.audit(ctx), w.auditRows(ctx))
}

// schedule makes the messages and says when each is due.
func (w *world) schedule(load workload, rate int) (l *openLoop, err error) {
	simulation, err := load.simulation()
	if err != nil {
		return nil, err
	}
	l = &openLoop{world: w, partitions: make([]scheduled, schema.DefaultPartitions)}
	choices := make([]int, schema.DefaultPartitions)
	for i := range choices {
		choices[i] = i
	}
	for i := range load.n {
		m, ok := simulation.Next()
		if !ok {
			return nil, fmt.Errorf("the simulation ends before message %d", i)
		}
		message := m.Kafka()
		message.Partition = client.Murmur2Balancer{}.Balance(message, choices...)
		p := &l.partitions[message.Partition]
		p.messages, p.readable = append(p.messages, message), append(p.readable, m.Expect.Readable())
		p.due = append(p.due, time.Duration(i)*time.Second/time.Duration(rate))
		if m.Expect.Readable() {
			l.readable++
		}
	}
	for i := range l.partitions {
		p := &l.partitions[i]
		p.decided, p.queryable = make([]time.Duration, len(p.due)), make([]time.Duration, len(p.due))
	}
	w.log.messages, w.log.decisions = load.n, l.readable
	l.publisher, err = w.publisher(w.log)
	return l, err
}

// run sends and watches until every answer can be queried.
func (l *openLoop) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range l.partitions {
		group.Go(func() error { return l.send(ctx, partition) })
	}
	group.Go(func() error { return l.watchDecisions(ctx) })
	group.Go(func() error { return l.watchRows(ctx) })
	return group.Wait()
}

// send sends what is due of a partition, all that there is at once.
func (l *openLoop) send(ctx context.Context, partition int) error {
	p := &l.partitions[partition]
	for sent := 0; sent < len(p.due); {
		if wait := p.due[sent] - time.Since(l.began); wait > 0 {
			if local.Pause(ctx, wait); ctx.Err() != nil {
				return ctx.Err()
			}
		}
		to, now := sent+1, time.Since(l.began)
		for to < len(p.due) && to-sent < sendMost && p.due[to] <= now {
			to++
		}
		if err := l.publisher.PublishPlaced(ctx, l.world.log.topics.Submissions, p.messages[sent:to]); err != nil {
			return fmt.Errorf("publish at a rate: %w", err)
		}
		sent = to
	}
	return nil
}

// waits are the Percentiles of all answers but for the beginning's.
func (l *openLoop) waits(warmUp time.Duration) *Latency {
	var decided, queryable []time.Duration
	for i := range l.partitions {
		p := &l.partitions[i]
		for at, due := range p.due {
			if p.readable[at] && due >= warmUp {
				decided = append(decided, p.decided[at]-due)
				queryable = append(queryable, p.queryable[at]-due)
			}
		}
	}
	return &Latency{Decided: newPercentiles(decided), Queryable: newPercentiles(queryable)}
}
