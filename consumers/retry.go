package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
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
	// unreadyAfter is how many failures in a row make a transient error one that the
	// process's readiness tells. Systemic ones are told at once.
	unreadyAfter = 3
)

// retry does something until it succeeds, ctx ends, the partition turns out to be
// another's, or a message to be refused for ever. Everything else is tried again in
// place: an error that nobody proved to be for ever is one that passes.
func (w *worker) retry(ctx context.Context, act string, do func(context.Context) error) error {
	policy := backoff.NewExponentialBackOff()
	policy.InitialInterval, policy.MaxInterval = retryFirst, retryMost
	for failures := 0; ; failures++ {
		err := do(ctx)
		switch {
		case err == nil:
			w.recovered(act, failures)
			return nil
		case errors.Is(err, ErrFenced) || KindOf(err) == Refused:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		w.failed(act, failures, err)
		if err := wait(ctx, policy.NextBackOff()); err != nil {
			return err
		}
	}
}

// failed tells operations of a failure that is tried again.
func (w *worker) failed(act string, before int, err error) {
	kind := KindOf(err)
	if before == 0 {
		w.log.Warn(act+" failed, trying again", "kind", kind.String(), "error", err)
	}
	w.engine.metrics.retries.WithLabelValues(act, kind.String()).Inc()
	if kind != Transient || before+1 >= unreadyAfter {
		w.engine.setHealth(w.fetcher.partition, fmt.Errorf("%s: %w", act, err))
	}
}

// recovered tells that it works again.
func (w *worker) recovered(act string, failures int) {
	if failures > 0 {
		w.engine.setHealth(w.fetcher.partition, nil)
		w.log.Info(act+" works again", "failures", failures)
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
