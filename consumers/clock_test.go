package consumers_test

import (
	"context"
	"testing"
	"time"

	"tajdeed/consumers"
)

// idleTimes is a handler that keeps when its partitions were told to have nothing left.
type idleTimes struct {
	consumers.Handler
	emptyAt chan time.Time
}

func (h idleTimes) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	p, start, err := h.Handler.Open(ctx, a)
	return idleTimesPartition{p, h.emptyAt}, start, err
}

type idleTimesPartition struct {
	consumers.Partition
	emptyAt chan time.Time
}

func (p idleTimesPartition) Idle(ctx context.Context, emptyAt time.Time) error {
	p.emptyAt <- emptyAt
	return p.Partition.Idle(ctx, emptyAt)
}

// When a partition had nothing left is told by the configuration's clock, which was read
// before the partition was asked. A partition that is given up was not asked.
func TestIdleGoesByTheConfiguredClock(t *testing.T) {
	b := setup(t, 1)
	const ahead = 48 * time.Hour
	config := b.config()
	config.Now = func() time.Time { return time.Now().Add(ahead) }
	handler := idleTimes{b.ledger(b.tally()), make(chan time.Time, 100)}
	b.publish(0, 1)
	before := config.Now()
	w := b.start(handler, config)
	at := <-handler.emptyAt
	if at.Before(before) || at.After(config.Now()) {
		t.Errorf("nothing was left at %s, want from %s on by a clock that is %s ahead", at, before, ahead)
	}
	w.stop(t)
	close(handler.emptyAt)
	for at = range handler.emptyAt {
		before = at // the last
	}
	if !before.IsZero() {
		t.Errorf("a partition that was given up had nothing left at %s, want no time", before)
	}
}
