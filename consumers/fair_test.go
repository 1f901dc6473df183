package consumers_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// backlogConfig has fetches take some 60 of the messages that sendLarge sends, so that a few
// hundred are a backlog.
func (b *bench) backlogConfig() consumers.Config {
	config := b.config()
	config.Concurrency, config.BatchBytes = 2, 64<<10
	return config
}

// sendLarge sends messages of a kilobyte, which are numbered from one on, to every partition
// of a channel.
func (b *bench) sendLarge(c schema.Channel, from, n int) {
	b.Helper()
	for partition := range b.partitions {
		var messages []kafka.Message
		for i := range n {
			value := strconv.AppendInt(nil, int64(from+i*b.partitions+partition), 10)
			messages = append(messages, kafka.Message{Value: append(value, bytes.Repeat([]byte(" "), 1000)...)})
		}
		b.sendTo(b.topics.Submissions(c), partition, messages...)
	}
}

// A channel whose transactions take for ever, and which has a backlog that fills every slot
// and turn, does not hold up what comes to another one.
func TestABacklogHoldsNoOtherUp(t *testing.T) {
	b := setupChannels(t, 3, "counter", "kiosk")
	stage, open := b.tally(), make(chan struct{})
	release := sync.OnceFunc(func() { close(open) })
	b.Cleanup(release)
	const passing = 6 // batches, some of them of each partition by itself
	var batches atomic.Int64
	stage.before = func(ctx context.Context, _ pgx.Tx, batch *consumers.Batch) error {
		if batch.Topic == b.in && batches.Add(1) > passing {
			select {
			case <-open:
			case <-ctx.Done():
			}
		}
		return nil
	}
	b.sendLarge("counter", 0, 400)
	w := b.start(b.ledger(stage), b.backlogConfig())
	eventually(t, func() error { // the backlog holds its turns
		if n := batches.Load(); n < passing+2 {
			return fmt.Errorf("%d batches", n)
		}
		return nil
	})
	for i := range 3 { // a message after another, each by itself
		b.publishTo("kiosk", b.partitions)
		b.appliedOf("kiosk", int64((i+1)*b.partitions))
	}
	release()
	b.drained(3*400 + 3*b.partitions)
	w.stop(t)
}

// appliedOf waits until so many messages of a channel are applied.
func (b *bench) appliedOf(c schema.Channel, want int64) {
	b.Helper()
	eventually(b.T, func() error {
		if n := b.count(`SELECT count(*) FROM tally WHERE topic = $1`, b.topics.Submissions(c)); n < want {
			return fmt.Errorf("%d of %d of %s are applied", n, want, c)
		}
		return nil
	})
}

// opening is a handler that counts how often partitions are opened.
type opening struct {
	consumers.Handler
	times atomic.Int64
}

func (h *opening) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	h.times.Add(1)
	return h.Handler.Open(ctx, a)
}

// Partitions that fall behind and catch up, again and again, change loops: each message is
// applied once and in its order, and no partition is opened again for it.
func TestPartitionsChangeLoops(t *testing.T) {
	b := setupChannels(t, 2, "counter", "kiosk")
	counted := &opening{Handler: orderly{b.ledger(b.tally()), t}}
	b.start(counted, b.backlogConfig())
	total := 0
	for range 3 {
		b.sendLarge("counter", total, 300)
		total += 2 * 300
		b.sendLarge("kiosk", total, 1)
		total += 2
		b.drained(total)
		b.sendLarge("counter", total, 1)
		total += 2
		b.drained(total)
	}
	if n := b.count(`SELECT count(DISTINCT (topic, partition, "offset")) FROM tally`); n != int64(total) {
		t.Errorf("%d messages are applied, want %d", n, total)
	}
	if n := b.count(`SELECT count(*) FROM (SELECT seq < lag(seq) OVER (PARTITION BY topic, partition ORDER BY "offset") AS back FROM tally) t WHERE back`); n != 0 {
		t.Errorf("%d messages are applied before one that came earlier", n)
	}
	if n, want := counted.times.Load(), int64(b.partitions*len(b.channels)); n != want {
		t.Errorf("partitions were opened %d times, want %d", n, want)
	}
}
