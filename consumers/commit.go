package consumers

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// commitInterval is how long after a batch its offset is committed at most.
const commitInterval = time.Second

// committer commits to Kafka how far the workers are. Commits go one at a time, because
// they share the coordinator's connection with the heartbeat. What is committed here is
// for lag tools: where to go on, a stage asks its own store or its [Claim], so a commit
// that fails is no more than a line in the log.
type committer struct {
	generation *kafka.Generation
	log        *slog.Logger

	mu      sync.Mutex
	offsets map[string]map[int]int64 // by topic and partition, what was not committed yet
}

// set has an offset committed with the next commit: all before it is done.
func (c *committer) set(at schema.TopicPartition, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offsets[at.Topic] == nil {
		c.offsets[at.Topic] = map[int]int64{}
	}
	c.offsets[at.Topic][at.Partition] = next
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
	c.offsets = map[string]map[int]int64{}
	c.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	if err := c.generation.CommitOffsets(offsets); err != nil {
		c.log.Info("offsets not committed to the group; they are a hint only", "error", err)
	}
}
