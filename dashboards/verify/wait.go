package verify

import (
	"context"
	"fmt"
	"time"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// pollInterval is how often wait looks whether the backlog is processed.
const pollInterval = 100 * time.Millisecond

// wait waits until everything that lies on the topics now was decided, answered and
// inserted, for a limited time. It is no error if the time is over: the books then say
// what is pending.
func (v *verifier) wait(ctx context.Context, limit time.Duration) error {
	if limit <= 0 {
		return nil
	}
	found, err := kafka.Check(ctx, v.brokers, v.topics)
	if err != nil {
		return err
	}
	ends, err := v.readEnds(ctx, found.Usable, v.topics.Submissions)
	if err != nil {
		return err
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	b := backlog{verifier: v, channels: found.Usable, submissions: ends}
	for {
		processed, err := b.processed(ctx)
		if err != nil || processed {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the backlog: %w", context.Cause(ctx))
		case <-timeout.C:
			return nil
		case <-ticker.C:
		}
	}
}

// backlog is what wait waits for.
type backlog struct {
	*verifier

	channels    []schema.Channel
	submissions map[schema.TopicPartition]kafka.End
	decisions   map[schema.TopicPartition]kafka.End // once everything is answered
}

// processed says whether everything is decided and answered, and the stage analytics has
// then read the decisions topics up to where the answers ended.
func (b *backlog) processed(ctx context.Context) (bool, error) {
	if b.decisions == nil {
		answered, err := b.answered(ctx)
		if err != nil || !answered {
			return false, err
		}
		if b.decisions, err = b.readEnds(ctx, b.channels, b.topics.Decisions); err != nil {
			return false, err
		}
	}
	now, err := readProgress(ctx, b.clickhouse, nil)
	if err != nil {
		return false, err
	}
	committed, err := b.readCommitted(ctx, b.decisions)
	if err != nil {
		return false, err
	}
	now.addCommitted(committed)
	for log, end := range b.decisions {
		if end.Next > end.First && now.decisions.readUpTo[log] < end.Next {
			return false, nil
		}
	}
	return true, nil
}

func (b *backlog) answered(ctx context.Context) (bool, error) {
	positions, err := readPositions(ctx, b.postgres)
	if err != nil {
		return false, err
	}
	for at, end := range b.submissions {
		if end.Next > end.First && positions[at].published < end.Next {
			return false, nil
		}
	}
	return true, nil
}
