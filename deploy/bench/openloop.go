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

// openLoop publishes at a rate, whatever becomes of what it has published. Each message is
// due at an instant of its own and its wait counts from then, also where an earlier message
// delays its sending. A loop that waits for answers would send less while the system is
// slow, and so leave out the longest waits.
type openLoop struct {
	installation *installation
	publisher    *producers.Publisher
	began        time.Time
	partitions   []partitionSchedule
	readable     int64
}

// partitionSchedule are the messages of one partition, by offset: the log is empty at the
// beginning and nobody else publishes.
type partitionSchedule struct {
	messages []client.Message
	due      []time.Duration // since the beginning
	readable []bool
	// When each message's decision was seen on the decisions topic and in ClickHouse, since
	// the beginning. One goroutine writes each of the two.
	decided, queryable []time.Duration
}

const (
	// latencySpan is how long messages are sent at each rate.
	latencySpan = 20 * time.Second
	// latencyWarmUp is how much of the beginning does not count, but at most a quarter.
	latencyWarmUp = time.Second
	// sendMost is how many due messages a sender sends at once, at most.
	sendMost = 1000
)

// latency measures how long applications wait at a rate: until the decision can be read on
// its topic, and until ClickHouse is seen to have it, which is asked every 50 ms. Both are
// what another process sees, and so upper bounds. The stages wait at an empty topic. The
// span is from the instant at which the first message is due until the last decision can be
// queried.
func (b *bench) latency(ctx context.Context, load workload, rate int) (run runResult, err error) {
	load.n = min(load.n, int64(rate)*int64(latencySpan/time.Second))
	in, err := b.emptyInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	loop, err := in.schedule(load, rate)
	if err != nil {
		return run, err
	}
	defer func() { _ = loop.publisher.Close() }()
	if err := in.startStages(ctx); err != nil {
		return run, err
	}
	watch := in.startClock(partPublisher)
	loop.began = watch.began
	if err := loop.run(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(load.n); err != nil {
		return run, err
	}
	run.latency = loop.latency(min(latencyWarmUp, time.Duration(load.n)*time.Second/time.Duration(4*rate)))
	return run, errors.Join(in.checkLog(ctx, in.log), in.checkPostgres(ctx), in.checkClickHouse(ctx))
}

// schedule makes the messages and sets when each is due.
func (in *installation) schedule(load workload, rate int) (l *openLoop, err error) {
	simulation, err := load.simulation()
	if err != nil {
		return nil, err
	}
	l = &openLoop{installation: in, partitions: make([]partitionSchedule, schema.DefaultPartitions)}
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
	in.log.messages, in.log.decisions = load.n, l.readable
	l.publisher, err = in.publisher(in.log)
	return l, err
}

// run sends and watches until every decision can be queried.
func (l *openLoop) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for partition := range l.partitions {
		group.Go(func() error { return l.send(ctx, partition) })
	}
	group.Go(func() error { return l.watchDecisions(ctx) })
	group.Go(func() error { return l.watchRows(ctx) })
	return group.Wait()
}

// send sends the messages of a partition when they are due, those that are due together in
// one piece.
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
		if err := l.publisher.PublishPlaced(ctx, l.installation.log.topics.Submissions, p.messages[sent:to]); err != nil {
			return fmt.Errorf("publish at a rate: %w", err)
		}
		sent = to
	}
	return nil
}

// latency is the latency of all messages but those of the warm-up.
func (l *openLoop) latency(warmUp time.Duration) *Latency {
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
