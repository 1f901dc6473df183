package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	channels     map[string]*channelSchedule                  // by the topic of submissions
	partitions   map[schema.TopicPartition]*partitionSchedule // of submissions
	readable     int64
	sent         atomic.Int64 // messages
	senders      atomic.Int64 // that have not ended
}

// channelSchedule are the messages of one channel, in the order in which they are due.
type channelSchedule struct {
	messages []client.Message
	due      []time.Duration // since the beginning
}

// partitionSchedule are the messages of one partition, by offset: the topic is empty at the
// beginning and nobody else publishes.
type partitionSchedule struct {
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

// latency measures how long applications wait at a rate, spread over all channels: until the
// decision can be read on its topic, and until ClickHouse is seen to have it, which is asked every 50 ms. Both are
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
	loop, err := in.schedule(simulation, load.n, rate, "")
	if err != nil {
		return run, err
	}
	defer func() { _ = loop.publisher.Close() }()
	if err := in.startStages(ctx); err != nil {
		return run, err
	}
	in.log.messages, in.log.decisions = load.n, loop.readable
	watch := in.startClock(partPublisher)
	loop.began = watch.began
	if err := loop.run(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(load.n); err != nil {
		return run, err
	}
	span := time.Duration(load.n) * time.Second / time.Duration(rate)
	run.latency = loop.latency(min(latencyWarmUp, span/4), span)
	return run, errors.Join(in.checkLog(ctx, in.log), in.checkPostgres(ctx), in.checkClickHouse(ctx))
}

// schedule makes the next n messages and sets when each is due. They go to a topic, or if
// that is "" each to its channel's.
func (in *installation) schedule(simulation *simulate.Simulation, n int64, rate int, topic string) (l *openLoop, err error) {
	l = &openLoop{installation: in, channels: map[string]*channelSchedule{}, partitions: map[schema.TopicPartition]*partitionSchedule{}}
	for i := range n {
		m, ok := simulation.Next()
		if !ok {
			return nil, fmt.Errorf("the simulation ends before message %d", i)
		}
		message := m.Kafka(in.log.topics)
		if topic != "" {
			message.Topic = topic
		}
		l.add(message, m.Expect.Readable(), time.Duration(i)*time.Second/time.Duration(rate))
	}
	for _, p := range l.partitions {
		p.decided, p.queryable = make([]time.Duration, len(p.due)), make([]time.Duration, len(p.due))
	}
	l.publisher, err = in.publisher()
	return l, err
}

var partitionNumbers = func() (all []int) {
	for i := range schema.DefaultPartitions {
		all = append(all, i)
	}
	return all
}()

// add adds a message that is due then.
func (l *openLoop) add(m client.Message, readable bool, due time.Duration) {
	m.Partition = client.Murmur2Balancer{}.Balance(m, partitionNumbers...)
	at := schema.TopicPartition{Topic: m.Topic, Partition: m.Partition}
	if l.channels[m.Topic] == nil {
		l.channels[m.Topic] = &channelSchedule{}
	}
	if l.partitions[at] == nil {
		l.partitions[at] = &partitionSchedule{}
	}
	c, p := l.channels[m.Topic], l.partitions[at]
	c.messages, c.due = append(c.messages, m), append(c.due, due)
	p.due, p.readable = append(p.due, due), append(p.readable, readable)
	if readable {
		l.readable++
	}
}

// run sends and watches until every decision can be queried.
func (l *openLoop) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	l.sendAll(ctx, ctx, group)
	group.Go(func() error { return l.watchAnswers(ctx) })
	group.Go(func() error { return l.watchRows(ctx) })
	return group.Wait()
}

// sendAll starts a sender for each channel. They send until all is sent, or until sending
// ends.
func (l *openLoop) sendAll(ctx, sending context.Context, group *errgroup.Group) {
	l.senders.Store(int64(len(l.channels)))
	for _, c := range l.channels {
		group.Go(func() error {
			defer l.senders.Add(-1)
			return l.send(ctx, sending, c)
		})
	}
}

// send sends the messages of a channel when they are due, those that are due together in one
// call, as a channel's client would.
func (l *openLoop) send(ctx, sending context.Context, c *channelSchedule) error {
	for sent := 0; sent < len(c.due); {
		if wait := c.due[sent] - time.Since(l.began); wait > 0 {
			local.Pause(sending, wait)
		}
		if sending.Err() != nil {
			return ctx.Err()
		}
		to, now := sent+1, time.Since(l.began)
		for to < len(c.due) && to-sent < sendMost && c.due[to] <= now {
			to++
		}
		if err := l.publisher.PublishPlaced(ctx, c.messages[sent:to]); err != nil {
			return fmt.Errorf("publish at a rate: %w", err)
		}
		l.sent.Add(int64(to - sent))
		sent = to
	}
	return nil
}

// latency is the latency of all messages that were due after a warm-up and before an end.
func (l *openLoop) latency(warmUp, end time.Duration) *Latency {
	var decided, queryable []time.Duration
	for _, p := range l.partitions {
		for at, due := range p.due {
			if !p.readable[at] || due < warmUp || due >= end || p.decided[at] == 0 {
				continue
			}
			decided = append(decided, p.decided[at]-due)
			if p.queryable[at] > 0 {
				queryable = append(queryable, p.queryable[at]-due)
			}
		}
	}
	measured := &Latency{Measured: len(decided), Decided: newPercentiles(decided)}
	if len(queryable) > 0 {
		p := newPercentiles(queryable)
		measured.Queryable = &p
	}
	return measured
}
