package producers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
)

// result is what became of a run, or of a part of one: so many messages from its
// start were acknowledged, so many behind them failed with err, and the rest was
// not sent.
type result struct {
	acked, failed int
	err           error
}

// sendRun sends what a joint request left of a run, which is all of it where none
// was made: one batch after the other, up to the first that fails.
func (p *Publisher) sendRun(ctx context.Context, c call, r run, sum result) result {
	for sum.acked < len(r.index) {
		b := c.nextBatch(r, sum.acked, p.config.MaxBatchBytes)
		b.failure = sum.err
		part := p.sendBatch(ctx, b)
		sum = result{acked: sum.acked + part.acked, failed: part.failed, err: part.err}
		if sum.err != nil {
			break
		}
	}
	return sum
}

// batch is some of a call's messages for one partition, as a request carries them.
type batch struct {
	topic     string
	partition int
	msgs      []kafka.Message
	index     []int

	// failure is why a joint request, the batch's first attempt, failed; nil where
	// none was made.
	failure error
}

func (b batch) cut(from, to int) batch {
	b.index = b.index[from:to]
	return b
}

// sendBatch sends a batch until it is acknowledged. Where the broker refuses some
// of its messages only, it finds them, so that what lies before them gets through.
func (p *Publisher) sendBatch(ctx context.Context, b batch) result {
	err := p.retry(ctx, b.topic, func(ctx context.Context) error {
		if failure := b.failure; failure != nil {
			b.failure = nil
			return failure
		}
		return p.produce(ctx, b)[0]
	})
	if err == nil {
		return result{acked: len(b.index)}
	}
	at := cutAt(err, len(b.index))
	if at == 0 {
		return result{failed: len(b.index), err: err}
	}
	head := p.sendBatch(ctx, b.cut(0, at))
	if head.err != nil {
		return head
	}
	tail := p.sendBatch(ctx, b.cut(at, len(b.index)))
	tail.acked += head.acked
	return tail
}

// cutAt says where to cut a refused batch of n messages: in half where all of it is
// too large, before the first refused message where the broker named it, and
// nowhere (0) where cutting can't help.
func cutAt(err error, n int) int {
	var records *recordsError
	switch {
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
		return n / 2
	case errors.As(err, &records):
		if records.first == 0 && n > 1 {
			return 1
		}
		return min(records.first, n-1)
	default:
		return 0
	}
}

// retry calls try until it succeeds, until its failure is final, or until ctx or
// the attempts end. What is to learn from an attempt, try has learnt.
func (p *Publisher) retry(ctx context.Context, topic string, try func(context.Context) error) error {
	var last error
	attempt := func() (struct{}, error) {
		err := try(ctx)
		if err != nil && terminal(err) {
			return struct{}{}, backoff.Permanent(fmt.Errorf("%w: %w", ErrRefused, err))
		}
		if last == nil || ctx.Err() == nil {
			last = err // the end of ctx must not hide what went on before it
		}
		return struct{}{}, err
	}
	_, err := backoff.Retry(ctx, attempt,
		backoff.WithBackOff(p.backOff()),
		backoff.WithMaxTries(uint(p.config.MaxAttempts)),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(p.notifyRetry(ctx, topic)))
	if err != nil && last != nil && !errors.Is(err, last) {
		return fmt.Errorf("%w; the last attempt: %w", err, last)
	}
	return err
}

// learn draws from the end of an attempt what Ready tells, and what the next attempt
// connects with; used is how often the connections had been thrown away when it began.
func (p *Publisher) learn(used int64, err error) {
	p.note(err)
	if !terminal(err) {
		p.refresh(used, err)
	}
}

// note keeps the last failure that is not the message's own, until something works.
func (p *Publisher) note(err error) {
	switch {
	case err == nil:
		if p.trouble.Load() != nil {
			p.trouble.Store(nil)
		}
	case !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge) &&
		!errors.Is(err, kafka.InvalidRecord) && !errors.Is(err, context.Canceled):
		p.trouble.Store(&err)
	}
}

func (p *Publisher) backOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = p.config.MinBackOff, p.config.MaxBackOff
	return b
}

// notifyRetry counts attempts that are made again, and logs the first of a series
// and then one now and then: an outage is one story, not a thousand.
func (p *Publisher) notifyRetry(ctx context.Context, topic string) backoff.Notify {
	const every = 10
	tries := 0
	return func(err error, wait time.Duration) {
		p.topics[topic].retries.Inc()
		if tries++; tries%every == 1 {
			p.log.LogAttrs(ctx, slog.LevelWarn, "publishing again", slog.String("topic", topic),
				slog.Int("attempt", tries), slog.Duration("wait", wait), slog.Any("error", err))
		}
	}
}

// refresh throws the connections away, and what they knew of the cluster, after a
// failure that either may have caused; the next attempt learns anew. Without it a
// moved leader is not noticed before MetadataTTL, and each connection that a
// restarted broker left dead costs an attempt. One of several that fail together
// does it for all. Requests under way on the old connections are not disturbed.
func (p *Publisher) refresh(used int64, err error) {
	if err == nil || errors.Is(err, kafka.RequestTimedOut) || errors.Is(err, context.Canceled) {
		return
	}
	if p.connections.CompareAndSwap(used, used+1) {
		p.transport.CloseIdleConnections()
	}
}
