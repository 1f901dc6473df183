package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// retry does something until it succeeds, ctx ends or the partition turns out to
// be another's. Everything else is tried again: an error that nobody proved to be
// for ever is one that passes. While it fails, the partition is not ready and says
// why.
func (w *worker) retry(ctx context.Context, act string, do func(context.Context) error) error {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval = retryFirst, retryMost
	failed := false
	for {
		err := do(ctx)
		switch {
		case err == nil:
			if failed {
				w.engine.setHealth(w.fetcher.partition, nil)
				w.log.Info(act + " works again")
			}
			return nil
		case errors.Is(err, ErrFenced):
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if !failed {
			w.log.Warn(act+" failed, trying again", "error", err)
		}
		failed = true
		w.engine.metrics.retries.WithLabelValues(act).Inc()
		w.engine.setHealth(w.fetcher.partition, fmt.Errorf("%s: %w", act, err))
		if err := wait(ctx, policy.NextBackOff()); err != nil {
			return err
		}
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
