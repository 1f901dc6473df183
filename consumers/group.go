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

// join prepares the membership; the brokers are contacted by the first call of
// Next.
func (e *Engine) join() (*kafka.ConsumerGroup, error) {
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

// generations runs one generation of the group after another. Somebody must sit
// in Next all the time, or the group never joins again.
func (e *Engine) generations(ctx context.Context, group *kafka.ConsumerGroup) error {
	defer e.setJoined(false, nil)
	for failures := 0; ; {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, kafka.ErrGroupClosed):
			return nil
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

// start sets the generation's goroutines going: a worker for each partition, the lanes
// that they travel in, and one committer that outlives them. To the group they are one,
// which returns when the generation has ended.
func (e *Engine) start(generation *kafka.Generation) {
	assigned := generation.Assignments[e.config.Topic]
	e.setJoined(true, assigned)
	e.metrics.assigned(assigned)
	e.log.Info("joined the group", "group", e.config.Group, "generation", generation.ID, "partitions", ids(assigned))
	generation.Start(func(taking context.Context) {
		doing, release := e.drained(taking)
		defer release()
		committer := newCommitter(e.config.Topic, generation, e.log)
		lanes := newLanes(e, len(assigned))
		for _, partition := range assigned {
			worker := e.newWorker(partition.ID, generation, committer, lanes)
			lanes.working.Go(func() { worker.run(taking, doing) })
		}
		committer.run(taking)
		lanes.working.Wait()
		committer.commit()
		e.metrics.revoked(assigned)
	})
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

func ids(assigned []kafka.PartitionAssignment) []int {
	out := make([]int, len(assigned))
	for i, p := range assigned {
		out[i] = p.ID
	}
	return out
}

// committer tells Kafka how far the workers are. It is one goroutine, because the
// coordinator's connection is shared with the heartbeat. What Kafka holds is for
// lag tools; the stage's own store is the truth, so an error is no more than a
// line in the log.
type committer struct {
	topic      string
	generation *kafka.Generation
	log        *slog.Logger

	mu      sync.Mutex
	offsets map[int]int64 // by partition, what was not committed yet
}

func newCommitter(topic string, generation *kafka.Generation, log *slog.Logger) *committer {
	return &committer{topic: topic, generation: generation, log: log, offsets: map[int]int64{}}
}

// mark records that a partition is done up to an offset.
func (c *committer) mark(partition int, next int64) {
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
