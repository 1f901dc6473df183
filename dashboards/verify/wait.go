package verify

import (
	"context"
	"fmt"
	"time"

	"tajdeed/schema/kafka"
)

// pollInterval is how often wait looks whether the backlog is processed.
const pollInterval = 100 * time.Millisecond

// wait waits until everything that lies on the topics now was decided, announced and
// inserted, for a limited time. It is no error if the time is over: the books then say
// what is pending.
func (v *verifier) wait(ctx context.Context, limit time.Duration) error {
	if limit <= 0 {
		return nil
	}
	ends, err := kafka.Ends(ctx, v.brokers, v.topics.Submissions)
	if err != nil {
		return err
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	b := backlog{verifier: v, submissions: ends}
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

	submissions map[int]kafka.End
	decisions   map[int]kafka.End // once everything is announced
}

// processed says whether everything is decided and announced, and the stage analytics has
// then read the decisions topic up to where the announcements ended.
func (b *backlog) processed(ctx context.Context) (bool, error) {
	if b.decisions == nil {
		announced, err := b.announced(ctx)
		if err != nil || !announced {
			return false, err
		}
		if b.decisions, err = kafka.Ends(ctx, b.brokers, b.topics.Decisions); err != nil {
			return false, err
		}
	}
	now, err := b.readMarks(ctx)
	if err != nil {
		return false, err
	}
	for partition, end := range b.decisions {
		if end.Next > end.First && now.progress.readUpTo[partition] < end.Next {
			return false, nil
		}
	}
	return true, nil
}

func (b *backlog) announced(ctx context.Context) (bool, error) {
	positions, err := readPositions(ctx, b.postgres)
	if err != nil {
		return false, err
	}
	for partition, end := range b.submissions {
		if end.Next > end.First && positions[topicPartition{b.topics.Submissions, partition}].published < end.Next {
			return false, nil
		}
	}
	return true, nil
}
