package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// heartbeatInterval is also how late a rebalance may be noticed.
	heartbeatInterval = 500 * time.Millisecond
	joinBackoff       = 500 * time.Millisecond
	commitInterval    = time.Second
	partitionsWatch   = 10 * time.Second
)

// newGroup prepares the membership; the brokers are contacted by the first call of Next.
// The library's Reader is not used: it commits by whatever generation it is in by then.
func (e *Engine) newGroup() (*kafka.ConsumerGroup, error) {
	return kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     e.config.Group,
		Brokers:                e.config.Brokers,
		Topics:                 []string{e.config.Topic},
		Dialer:                 &kafka.Dialer{ClientID: e.config.ClientID, Timeout: dialTimeout, DualStack: true},
		GroupBalancers:         []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
		HeartbeatInterval:      heartbeatInterval,
		SessionTimeout:         e.config.SessionTimeout,
		RebalanceTimeout:       e.config.SessionTimeout,
		JoinGroupBackoff:       joinBackoff,
		StartOffset:            kafka.FirstOffset,
		WatchPartitionChanges:  true,
		PartitionWatchInterval: partitionsWatch,
		ErrorLogger:            kafka.LoggerFunc(func(f string, args ...any) { e.log.Debug("group: " + fmt.Sprintf(f, args...)) }),
	})
}

// runGenerations runs one generation of the group after another. It must be in Next
// whenever none runs, or the group never joins again: the library hands generations and
// errors over by channels without a buffer.
func (e *Engine) runGenerations(ctx context.Context, group *kafka.ConsumerGroup) {
	defer e.setJoined(false, nil)
	for failures := 0; ; {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			e.setJoined(false, nil)
			failures++
			e.log.Log(ctx, joinLevel(failures), "cannot join the group, trying again", "group", e.config.Group, "error", err)
			continue
		}
		failures = 0
		e.start(generation)
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
func (e *Engine) start(generation *kafka.Generation) {
	assigned := generation.Assignments[e.config.Topic]
	e.setJoined(true, assigned)
	e.metrics.assigned(assigned)
	e.log.Info("joined the group", "group", e.config.Group, "generation", generation.ID, "partitions", partitionsOf(assigned, func(p kafka.PartitionAssignment) int { return p.ID }))
	generation.Start(func(taking context.Context) {
		doing, release := e.outlive(taking)
		defer release()
		committer := &committer{topic: e.config.Topic, generation: generation, log: e.log, offsets: map[int]int64{}}
		loops := newBrokerLoops(e, len(assigned))
		for _, partition := range assigned {
			worker := e.newWorker(partition.ID, generation, committer, loops)
			loops.running.Go(func() { worker.run(taking, doing) })
		}
		committer.run(taking)
		loops.running.Wait()
		committer.commit() // of what was done while taking had ended
		e.metrics.revoked(assigned)
	})
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

// committer commits to Kafka how far the workers are. Commits go one at a time, because
// they share the coordinator's connection with the heartbeat. What is committed here is
// for lag tools: where to go on, a stage asks its own store or its [Claim], so a commit
// that fails is no more than a line in the log.
type committer struct {
	topic      string
	generation *kafka.Generation
	log        *slog.Logger

	mu      sync.Mutex
	offsets map[int]int64 // by partition, what was not committed yet
}

// set has an offset committed with the next commit: all before it is done.
func (c *committer) set(partition int, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offsets[partition] = next
}

// run commits at intervals until the generation ends.
func (c *committer) run(ctx context.Context) {
	ticker := time.NewTicker(commitInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.commit()
		}
	}
}

func (c *committer) commit() {
	c.mu.Lock()
	offsets := c.offsets
	c.offsets = map[int]int64{}
	c.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	if err := c.generation.CommitOffsets(map[string]map[int]int64{c.topic: offsets}); err != nil {
		c.log.Info("offsets not committed to the group; they are a hint only", "error", err)
	}
}
