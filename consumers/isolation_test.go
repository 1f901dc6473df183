package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// holding is a store that does not answer for one partition while held is set.
type holding struct {
	at      schema.TopicPartition
	held    atomic.Bool
	entered chan struct{} // has room for one
}

func (h *holding) pass(ctx context.Context, _ pgx.Tx, b *consumers.Batch) error {
	if h.held.Load() && b.TopicPartition() == h.at {
		select {
		case h.entered <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// What is wrong with a partition of one channel holds up no other partition: not those of
// another channel, of which one has the same number, nor its own channel's.
func TestAChannelsTroubleHoldsNoOtherUp(t *testing.T) {
	cases := []struct {
		name  string
		begin func(b *bench, store *holding) // partition 0 of the first channel
		want  func(error) bool               // what the worker's readiness must say, if anything
	}{
		{"a flood", func(b *bench, _ *holding) {
			b.send(0, slices.Repeat([]kafka.Message{{Value: []byte("poison")}}, 300)...)
		}, is(consumers.ErrFlood)},
		{"a gap", func(b *bench, _ *holding) {
			b.exec(fmt.Sprintf(`UPDATE position SET next_offset = 1000, published_offset = 1000 WHERE topic = '%s' AND partition = 0`, b.in))
			b.send(0, kafka.Message{Value: []byte("nobody's")})
		}, is(consumers.ErrGap)},
		{"messages that are refused", func(b *bench, _ *holding) {
			for i := range 40 {
				b.send(0, kafka.Message{Value: []byte(strconv.Itoa(i))}, kafka.Message{Value: []byte("cursed")})
			}
		}, nil},
		{"answers that do not get through", func(b *bench, _ *holding) {
			b.publisher.setRefuse(func(p schema.TopicPartition) bool { return p.Topic == b.out && p.Partition == 0 })
			b.send(0, kafka.Message{Value: []byte("unanswered")})
		}, func(err error) bool {
			_, refused := errors.AsType[*refusedError](err)
			return refused
		}},
		{"a store that hangs", func(b *bench, store *holding) {
			store.held.Store(true)
			b.send(0, kafka.Message{Value: []byte("held")})
			<-store.entered
		}, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := setupChannels(t, 2, "counter", "kiosk")
			store := &holding{at: schema.TopicPartition{Topic: b.in}, entered: make(chan struct{}, 1)}
			stage := b.tally()
			stage.before = store.pass
			config := b.config()
			config.Concurrency = 2
			for _, c := range b.channels {
				b.publishTo(c, b.partitions)
			}
			w := b.start(b.ledger(stage), config)
			b.drained(b.partitions * len(b.channels))
			tc.begin(b, store)
			if tc.want != nil {
				eventually(t, func() error { return readyMustSay(w, tc.want) })
			}
			const more = 10
			for range more {
				b.send(1, kafka.Message{Value: []byte("more")})
				b.publishTo("kiosk", b.partitions)
			}
			b.eventuallyAnswered("counter", 1, 1+more)
			b.eventuallyAnswered("kiosk", 0, 1+more)
			b.eventuallyAnswered("kiosk", 1, 1+more)
			if tc.want != nil {
				if err := readyMustSay(w, tc.want); err != nil {
					t.Error("while others went on", err)
				}
			}
			store.held.Store(false)
		})
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

// readyMustSay is an error unless the worker's readiness says what is wanted.
func readyMustSay(w *running, want func(error) bool) error {
	if err := w.Ready(); !want(err) {
		return fmt.Errorf("ready says %w", err)
	}
	return nil
}

// eventuallyAnswered waits until a partition answers so many messages, in their order.
func (b *bench) eventuallyAnswered(c schema.Channel, partition, messages int) {
	b.Helper()
	eventually(b.T, func() error {
		if n := len(b.read(b.topics.Decisions(c), partition)); n < messages {
			return fmt.Errorf("%d of %d messages of %s/%d are answered", n, messages, c, partition)
		}
		return nil
	})
	b.answered(c, partition, messages)
}
