package analytics

import (
	"context"
	"fmt"
	"time"

	"tajdeed/schema"
)

// Replayed is an answer as Postgres has it, and where and when it was published on its
// decisions topic.
type Replayed struct {
	schema.Decision // or, of a message that could not be read, only its Cause, ReceivedAt and Simulation
	// Rule is the one that a message breaks which could not be read; empty for a decision.
	Rule        schema.Rule
	LogOffset   int64
	PublishedAt time.Time
}

// replayBlock is how many rows a block of a replay has at most.
const replayBlock = 10_000

// Replay inserts again what ClickHouse has lost of one partition of a decisions topic: the
// same columns and pseudonyms, in the order given, which must be that of the causes. All of
// it must lie before where the stage stands in the partition: the stage believes that it inserted
// whatever it finds in ClickHouse.
//
// The run's name keeps its blocks apart from all others: ClickHouse drops a block whose
// token it knows, even if the rows have gone since.
func (s *Stage) Replay(ctx context.Context, run string, at schema.TopicPartition, answers []Replayed) error {
	rows, log := make([]row, len(answers)), s.logPartition(at)
	for i, a := range answers {
		rows[i] = row{Decision: a.Decision, rule: a.Rule, log: log, logOffset: a.LogOffset, publishedAt: a.PublishedAt}
	}
	rows = unreadableFirst(rows)
	for len(rows) > 0 {
		n := min(sameBlock(rows), replayBlock)
		if err := s.insert(ctx, run+"/"+token(rows[:n]), rows[:n]); err != nil {
			return fmt.Errorf("insert answers again: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}
