package verify

import (
	"context"
	"fmt"
	"time"

	"tajdeed/schema/kafka"
)

// waitEvery is how often it is asked whether all is through.
const pollInterval = 100 * time.Millisecond

// wait waits until all that lies on the topics now has been decided, announced and
// inserted, or the time is over: what is missing then is told by what was verified.
func (v *verifier) wait(ctx context.Context, atMost time.Duration) error {
	if atMost <= 0 {
		return nil
	}
	ends, err := kafka.Ends(ctx, v.brokers, v.topics.Submissions)
	if err != nil {
		return err
	}
	timeout := time.NewTimer(atMost)
	defer timeout.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	w := backlog{verifier: v, submissions: ends}
	for {
		through, err := w.processed(ctx)
		if err != nil || through {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until all is through: %w", context.Cause(ctx))
		case <-timeout.C:
			return nil
		case <-ticker.C:
		}
	}
}

// waited is what is waited for.
type backlog struct {
	*verifier
	submissions map[int]kafka.End
	decisions   map[int]kafka.End // once all of it is announced
}

// through asks first whether all is decided and announced, and then whether the sink
// has come to where the announcements ended.
func (w *backlog) processed(ctx context.Context) (bool, error) {
	if w.decisions == nil {
		announced, err := w.announced(ctx)
		if err != nil || !announced {
			return false, err
		}
		if w.decisions, err = kafka.Ends(ctx, w.brokers, w.topics.Decisions); err != nil {
			return false, err
		}
	}
	now, err := w.readMarks(ctx)
	if err != nil {
		return false, err
	}
	for partition, end := range w.decisions {
		if end.Next > end.First && now.progress.readUpTo[partition] < end.Next {
			return false, nil
		}
	}
	return true, nil
}

func (w *backlog) announced(ctx context.Context) (bool, error) {
	positions, err := readPositions(ctx, w.postgres)
	if err != nil {
		return false, err
	}
	for partition, end := range w.submissions {
		if end.Next > end.First && positions[topicPartition{w.topics.Submissions, partition}].published < end.Next {
			return false, nil
		}
	}
	return true, nil
}
