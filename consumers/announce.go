package consumers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// announceTimeout is how long the first attempt to announce may take. Then what got through
// is told apart from what did not, because a publisher tries for longer than the other
// partitions should wait. Each further attempt may take twice as long, since brokers may be
// slow, up to mostDoublings doublings.
const (
	announceTimeout = 5 * time.Second
	mostDoublings   = 4
)

// announce publishes what the batches announce. A [PartialError] says for which that
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
		return faults[ws[0].partition]
	}
	return &PartialError{faults}
}

// publish publishes the batches' announcements and what they quarantined, and returns by
// partition why that failed.
func (ws jointWork) publish(ctx context.Context) map[int]error {
	ledger, faults := ws[0].ledger, map[int]error{}
	// Of a batch whose announcements failed nothing else is published either: the next attempt
	// publishes all of it.
	try := func(topic string, messages func(*ledgerWork) []kafka.Message) {
		var parts [][]kafka.Message
		for _, w := range ws {
			if faults[w.partition] == nil {
				parts = append(parts, messages(w))
			}
		}
		all := slices.Concat(parts...)
		if err := ledger.publishTo(ctx, topic, all); err != nil {
			ws.assign(err, faults)
		}
	}
	try(ledger.announceTo, func(w *ledgerWork) []kafka.Message { return w.announcements })
	try(ledger.quarantine, func(w *ledgerWork) []kafka.Message { return w.batch.QuarantineMessages() })
	for _, w := range ws {
		w.attempts++
		if faults[w.partition] == nil {
			w.announced, w.published = true, w.batch.To
		}
	}
	return faults
}

func (l *Ledger) publishTo(ctx context.Context, topic string, messages []kafka.Message) error {
	if len(messages) == 0 {
		return nil
	}
	if err := l.publisher.PublishPlaced(ctx, topic, messages); err != nil {
		return &AwayError{fmt.Errorf("publish to %s: %w", topic, err)}
	}
	return nil
}

// partitionsError is a publisher's error that tells which partitions' messages were not
// all published; -1 stands for any.
type partitionsError interface {
	error
	FailedPartitions() []int
}

// assign finds the partitions that a publisher's error is about: all, unless it names some
// of them.
func (ws jointWork) assign(err error, faults map[int]error) {
	var failed []int
	if telling, ok := errors.AsType[partitionsError](err); ok {
		failed = telling.FailedPartitions()
	}
	named := func(w *ledgerWork) bool { return slices.Contains(failed, w.partition) }
	all := slices.Contains(failed, -1) || !slices.ContainsFunc(ws, named)
	for _, w := range ws {
		if faults[w.partition] == nil && (all || named(w)) {
			faults[w.partition] = err
		}
	}
}
