package analytics

import (
	"context"
	"fmt"
	"time"

	"tajdeed/schema"
)

// Replayed is a decision as Postgres has it, and where and when it was published on the
// decisions topic.
type Replayed struct {
	schema.Decision
	LogOffset   int64
	PublishedAt time.Time
}

// replayBlock is how many rows a block of a replay has at most.
const replayBlock = 10_000

// Replay inserts again what ClickHouse has lost of one partition: the same columns and
// pseudonyms, in the order given, which must be that of the causes. All of it must lie
// before where the stage stands in the partition: the stage believes that it inserted
// whatever it finds in ClickHouse.
//
// The run's name keeps its blocks apart from all others: ClickHouse drops a block whose
// token it knows, even if the rows have gone since.
func (s *Stage) Replay(ctx context.Context, run string, partition int, decisions []Replayed) error {
	rows := make([]row, len(decisions))
	for i, d := range decisions {
		rows[i] = row{Decision: d.Decision, logOffset: d.LogOffset, publishedAt: d.PublishedAt}
	}
	for len(rows) > 0 {
		n := min(sameMonth(rows), replayBlock)
		if err := s.insertAs(ctx, run+"/"+token(partition, rows[:n]), partition, rows[:n]); err != nil {
			return fmt.Errorf("insert decisions again: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}
