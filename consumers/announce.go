package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// announceTimeout is how long the first attempt to announce may take. Then what got through
// is told apart from what did not, because a publisher tries for longer than the other
// partitions should wait. Each further attempt may take twice as long, since brokers may be
// slow, up to mostDoublings doublings.
const (
	announceTimeout = 5 * time.Second
	mostDoublings   = 4
)

// announce publishes the answers to the batches' messages. A [PartialError] says for which that
// failed; what got through is not published again with them.
func (ws jointWork) announce(ctx context.Context) error {
	left := slices.DeleteFunc(slices.Clone(ws), func(w *ledgerWork) bool { return w.announced })
	if len(left) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, announceTimeout<<min(left[0].attempts, mostDoublings))
	defer cancel()
	faults := left.publish(ctx)
	switch {
	case len(faults) == 0:
		return nil
	case len(ws) == 1:
		return faults[ws[0].at]
	}
	return &PartialError{faults}
}

// publish publishes the batches' answers and what they quarantined, and returns by
// partition why that failed.
func (ws jointWork) publish(ctx context.Context) map[schema.TopicPartition]error {
	ledger, faults := ws[0].ledger, map[schema.TopicPartition]error{}
	// Of a batch whose answers failed nothing else is published either: the next attempt
	// publishes all of it.
	try := func(messagesOf func(*ledgerWork) []kafka.Message) {
		var parts jointWork
		var messages [][]kafka.Message
		for _, w := range ws {
			if own := messagesOf(w); faults[w.at] == nil && len(own) > 0 {
				parts, messages = append(parts, w), append(messages, own)
			}
		}
		if err := ledger.publish(ctx, slices.Concat(messages...)); err != nil {
			for i, w := range parts {
				if isAbout(err, messages, i) {
					faults[w.at] = err
				}
			}
		}
	}
	try(func(w *ledgerWork) []kafka.Message { return w.answers })
	try(func(w *ledgerWork) []kafka.Message {
		return w.batch.QuarantineMessages(ledger.config.Topics.Quarantine())
	})
	for _, w := range ws {
		w.attempts++
		if faults[w.at] == nil {
			w.announced, w.published = true, w.batch.To
		}
	}
	return faults
}

func (l *Ledger) publish(ctx context.Context, messages []kafka.Message) error {
	if len(messages) == 0 {
		return nil
	}
	if err := l.publisher.PublishPlaced(ctx, messages); err != nil {
		return &AwayError{fmt.Errorf("publish: %w", err)}
	}
	return nil
}

// partitionsError is a publisher's error that tells of which partitions not all messages
// were published: see [Publisher].
type partitionsError interface {
	error
	FailedPartitions() []schema.TopicPartition
}

// isAbout is whether a publisher's error is about the messages at an index, which are all
// for one partition: it names that one, or none of those that were published.
func isAbout(err error, messages [][]kafka.Message, at int) bool {
	telling, ok := errors.AsType[partitionsError](err)
	if !ok {
		return true
	}
	failed := telling.FailedPartitions()
	named := func(messages []kafka.Message) bool {
		m := &messages[0]
		return slices.ContainsFunc(failed, func(p schema.TopicPartition) bool {
			return (p.Topic == "" || p.Topic == m.Topic) && (p.Topic == "" || p.Partition < 0 || p.Partition == m.Partition)
		})
	}
	return named(messages[at]) || !slices.ContainsFunc(messages, named)
}
