package consumers

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/cenkalti/backoff/v5"

	"tajdeed/schema"
)

// The acts that are tried again, as metrics and logs name them.
const (
	actOpen  = "take over"
	actFetch = "fetch"
	actApply = "apply"
)

const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
	// unreadyAfter is how many failures in a row it takes until the process's readiness
	// tells of a transient error. Of a systemic one it tells at once.
	unreadyAfter = 3
)

// forEver is how often something is tried that nothing can go on without.
const forEver = math.MaxInt

// retry does something until it succeeds, at most so many times. It gives up at once where
// trying again mends nothing: ctx has ended, another worker has moved the position, or a
// message is refused for ever. Everything else is tried again in place: an error that
// nobody proved to be for ever is one that passes. The partitions, asked for after each
// attempt, are those that wait for it; their health is set.
func (e *Engine) retry(ctx context.Context, log *slog.Logger, act string, most int, partitions func() []schema.TopicPartition, do func(context.Context) error) error {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval = retryFirst, retryMost
	for failures := 0; ; failures++ {
		err := do(ctx)
		switch {
		case err == nil:
			if failures > 0 {
				e.setHealth(nil, partitions()...)
				log.Info(act+" works again", "failures", failures)
			}
			return nil
		case errors.Is(err, ErrFenced) || KindOf(err) == Refused:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		e.failed(log, act, partitions(), failures, err)
		if failures+1 >= most {
			return err
		}
		if err := wait(ctx, policy.NextBackOff()); err != nil {
			return err
		}
	}
}

// failed tells operations of an attempt that failed, after so many before it.
func (e *Engine) failed(log *slog.Logger, act string, partitions []schema.TopicPartition, before int, err error) {
	kind := KindOf(err)
	if before == 0 {
		log.Warn(act+" failed, trying again", "kind", kind.String(), "partitions", partitionList(partitions).String(), "error", err)
	}
	e.metrics.retries.WithLabelValues(act, kind.String()).Inc()
	if kind != Transient || before+1 >= unreadyAfter {
		e.setHealth(err, partitions...) // which says the act
	}
}

// wait waits, unless ctx ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
