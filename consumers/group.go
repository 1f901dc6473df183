package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

const (
	// heartbeatInterval is also how late a rebalance may be noticed.
	heartbeatInterval = 500 * time.Millisecond
	joinBackoff       = 500 * time.Millisecond
)

// newGroup prepares the membership; the brokers are contacted by the first call of Next.
// The library's Reader is not used: it commits by whatever generation it is in by then. Nor
// does the library watch the topics' partitions: see [Config.Topics].
func (m *membership) newGroup() (*kafka.ConsumerGroup, error) {
	e := m.engine
	return kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                e.config.Group,
		Brokers:           e.config.Brokers,
		Topics:            slices.Sorted(maps.Keys(m.topics)),
		Dialer:            &kafka.Dialer{ClientID: e.config.ClientID, Timeout: dialTimeout, DualStack: true},
		GroupBalancers:    []kafka.GroupBalancer{evenBalancer{m.topics}},
		HeartbeatInterval: heartbeatInterval,
		SessionTimeout:    e.config.SessionTimeout,
		RebalanceTimeout:  e.config.SessionTimeout,
		JoinGroupBackoff:  joinBackoff,
		StartOffset:       kafka.FirstOffset,
		ErrorLogger:       kafka.LoggerFunc(func(f string, args ...any) { e.log.Debug("group: " + fmt.Sprintf(f, args...)) }),
	})
}

// runGenerations runs one generation of the group after another. It must be in Next
// whenever none runs, or the group never joins again: the library hands generations and
// errors over by channels without a buffer.
func (m *membership) runGenerations(ctx context.Context, group *kafka.ConsumerGroup) {
	e := m.engine
	for failures := 0; ; {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			e.setAbsent(err)
			failures++
			e.log.Log(ctx, joinLevel(failures), "cannot join the group, trying again", "group", e.config.Group, "error", err)
			continue
		}
		failures = 0
		m.start(generation)
	}
}

// joinLevel lets a few failures pass: a cluster that has never had a group takes a
// moment to make its coordinator.
func joinLevel(failures int) slog.Level {
	if failures <= 3 {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// start starts the generation's goroutines: a worker for each partition, the brokers' loops
// that they join, and one committer that outlives them. To the group they are one function,
// which returns when all is done: the first that returns ends the generation for all.
func (m *membership) start(generation *kafka.Generation) {
	e := m.engine
	assigned := assignedBy(generation)
	e.setJoined(assigned)
	e.metrics.assigned(assigned)
	e.log.Info("joined the group", "group", e.config.Group, "generation", generation.ID, "partitions", partitionList(assigned).String())
	generation.Start(func(taking context.Context) {
		doing, release := e.outlive(taking)
		defer release()
		committer := &committer{generation: generation, log: e.log, offsets: map[string]map[int]int64{}}
		loops := newBrokerLoops(m, len(assigned))
		for _, at := range assigned {
			worker := m.newWorker(at, generation, committer, loops, len(assigned))
			loops.running.Go(func() { worker.run(taking, doing) })
		}
		committer.run(taking)
		loops.running.Wait()
		committer.commit() // of what was done while taking had ended
		e.metrics.revoked(assigned)
	})
}

// assignedBy returns the partitions that this member has in a generation, in order.
func assignedBy(generation *kafka.Generation) (assigned []schema.TopicPartition) {
	for topic, partitions := range generation.Assignments {
		for _, p := range partitions {
			assigned = append(assigned, schema.TopicPartition{Topic: topic, Partition: p.ID})
		}
	}
	slices.SortFunc(assigned, comparePartitions)
	return assigned
}

// outlive returns the second of the engine's two contexts. The first, taking, ends what
// takes messages: it ends with the generation, when a partition is to go to another worker
// or the process stops. The second, doing, ends the work on what was taken: by the drain
// timeout later, so that a batch in flight is finished, announced and committed.
func (e *Engine) outlive(taking context.Context) (context.Context, func()) {
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
