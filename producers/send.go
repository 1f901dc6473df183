package producers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// result is what became of a run or a part of one: from its start, acked messages
// were acknowledged, the next failed ones failed with err, and those after them were
// not sent.
type result struct {
	acked, failed int
	err           error
}

// sendRun sends the messages of a run that a joint request has not stored (all of them
// where there was no joint request): one batch after the other, up to the first that
// fails. The sum says what the joint request did.
func (p *Publisher) sendRun(ctx context.Context, c *call, r run, sum result) result {
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
	topic     *topicMetrics
	partition int
	msgs      []kafka.Message
	index     []int

	// failure is why the batch's first attempt failed, where that was a joint request.
	failure error
}

func (b batch) cut(from, to int) batch {
	b.index = b.index[from:to]
	return b
}

// sendBatch sends a batch until it is acknowledged or given up. Where the broker
// refuses only some of its messages, the batch is cut, so that those before the first
// refused one are stored.
func (p *Publisher) sendBatch(ctx context.Context, b batch) result {
	err := p.retry(ctx, b.topic, func(ctx context.Context) error {
		if failure := b.failure; failure != nil { // the first attempt is made already
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

// cutAt returns where to cut a refused batch of n messages: in half where all of it
// is too large, before the first refused message where the broker named it, and 0,
// for nowhere, where cutting cannot help.
func cutAt(err error, n int) int {
	var refused *messagesError
	switch {
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
		return n / 2
	case errors.As(err, &refused):
		if refused.first == 0 && n > 1 {
			return 1
		}
		return min(refused.first, n-1)
	default:
		return 0
	}
}

// retry calls try until it succeeds, until its failure is terminal, or until ctx or
// the attempts end. It is try that notes what came of an attempt; see noteAttempt.
func (p *Publisher) retry(ctx context.Context, topic *topicMetrics, try func(context.Context) error) error {
	var last error
	attempt := func() (struct{}, error) {
		err := try(ctx)
		if err != nil && terminal(err) {
			return struct{}{}, backoff.Permanent(fmt.Errorf("%w: %w", ErrRefused, err))
		}
		if last == nil || ctx.Err() == nil {
			last = err // the end of ctx must not hide the failure before it
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

// noteAttempt keeps what came of an attempt for Ready, and throws the session that it used
// away where the next attempt should not use it. A topic that the brokers do not know yet
// is no fault of the session's.
func (p *Publisher) noteAttempt(used *session, err error) {
	p.noteFailure(err)
	if !terminal(err) && !errors.Is(err, protocol.ErrNoTopic) {
		p.sessions.dropAfter(used, err)
	}
}

// noteFailure keeps the last failure until something works. One that is the message's
// own, or the caller's, is none.
func (p *Publisher) noteFailure(err error) {
	switch {
	case err == nil:
		if p.lastFailure.Load() != nil {
			p.lastFailure.Store(nil)
		}
	case !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge) &&
		!errors.Is(err, kafka.InvalidRecord) && !errors.Is(err, context.Canceled):
		p.lastFailure.Store(&err)
	}
}

func (p *Publisher) backOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = p.config.MinBackOff, p.config.MaxBackOff
	return b
}

// notifyRetry counts the attempts that are made again. It logs the first of a series
// and every tenth after it, so that an outage does not fill the log.
func (p *Publisher) notifyRetry(ctx context.Context, topic *topicMetrics) backoff.Notify {
	const every = 10
	tries := 0
	return func(err error, wait time.Duration) {
		topic.retries.Inc()
		if tries++; tries%every == 1 {
			p.log.LogAttrs(ctx, slog.LevelWarn, "publishing again", slog.String("topic", topic.name),
				slog.Int("attempt", tries), slog.Duration("wait", wait), slog.Any("error", err))
		}
	}
}
