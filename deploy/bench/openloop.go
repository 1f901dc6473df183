package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/deploy/local"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
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
	partitions   map[schema.TopicPartition]*partitionSchedule // that messages are for
	messages     int64
	readable     int64 // of them
}

// partitionSchedule are the messages of one partition, by offset: its log is empty at the
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
	simulation, err := load.simulation()
	if err != nil {
		return run, err
	}
	loop, err := in.schedule(simulation, load.n, rate, nil)
	if err != nil {
		return run, err
	}
	in.log.messages, in.log.decisions = load.n, loop.readable
	defer func() { _ = loop.publisher.Close() }()
	if err := in.startStages(ctx); err != nil {
		return run, err
	}
	watch := in.startClock(partPublisher)
	loop.began = watch.began
	if err := loop.run(ctx, loop.watchDecisions, loop.watchRows); err != nil {
		return run, err
	}
	if run, err = watch.stop(load.n); err != nil {
		return run, err
	}
	run.latency = loop.latency(warmUp(load.n, rate), math.MaxInt64)
	return run, errors.Join(in.checkLog(ctx, in.log), in.checkPostgres(ctx), in.checkClickHouse(ctx))
}

// warmUp is how much of the beginning of n messages at a rate does not count.
func warmUp(n int64, rate int) time.Duration {
	return min(latencyWarmUp, time.Duration(n)*time.Second/time.Duration(4*rate))
}

// schedule makes the simulation's next n messages, and sets when each is due. All come by the
// channel by, where it is given.
func (in *installation) schedule(simulation *simulate.Simulation, n int64, rate int, by *schema.Channel) (l *openLoop, err error) {
	l = &openLoop{installation: in, messages: n, partitions: map[schema.TopicPartition]*partitionSchedule{}}
	choices := make([]int, schema.DefaultPartitions)
	for i := range choices {
		choices[i] = i
	}
	for i := range n {
		m, ok := simulation.Next()
		if !ok {
			return nil, fmt.Errorf("the simulation ends before message %d", i)
		}
		if by != nil {
			m.Channel = *by
		}
		message := m.Kafka(in.log.topics)
		message.Partition = client.Murmur2Balancer{}.Balance(message, choices...)
		p := l.partition(schema.TopicPartition{Topic: message.Topic, Partition: message.Partition})
		p.messages, p.readable = append(p.messages, message), append(p.readable, m.Expect.Readable())
		p.due = append(p.due, time.Duration(i)*time.Second/time.Duration(rate))
		if m.Expect.Readable() {
			l.readable++
		}
	}
	for _, p := range l.partitions {
		p.decided, p.queryable = make([]time.Duration, len(p.due)), make([]time.Duration, len(p.due))
	}
	l.publisher, err = in.publisher()
	return l, err
}

// partition returns the schedule of a partition, and makes it where there is none.
func (l *openLoop) partition(at schema.TopicPartition) *partitionSchedule {
	if l.partitions[at] == nil {
		l.partitions[at] = &partitionSchedule{}
	}
	return l.partitions[at]
}

// run sends, and watches until every decision was seen by every watcher.
func (l *openLoop) run(ctx context.Context, watchers ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range l.partitions {
		group.Go(func() error { return l.send(ctx, p) })
	}
	for _, watch := range watchers {
		group.Go(func() error { return watch(ctx) })
	}
	return group.Wait()
}

// send sends the messages of a partition when they are due, those that are due together in
// one piece.
func (l *openLoop) send(ctx context.Context, p *partitionSchedule) error {
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
		if err := l.publisher.PublishPlaced(ctx, p.messages[sent:to]); err != nil {
			return fmt.Errorf("publish at a rate: %w", err)
		}
		sent = to
	}
	return nil
}

// latency is the latency of the messages that were due from an instant to before another.
func (l *openLoop) latency(from, to time.Duration) *Latency {
	var decided, queryable []time.Duration
	for _, p := range l.partitions {
		for at, due := range p.due {
			if p.readable[at] && due >= from && due < to {
				decided = append(decided, p.decided[at]-due)
				queryable = append(queryable, p.queryable[at]-due)
			}
		}
	}
	return &Latency{Decided: newPercentiles(decided), Queryable: newPercentiles(queryable)}
}
