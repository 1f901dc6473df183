package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// gate holds the next transaction up until it is opened.
type gate struct {
	mu      sync.Mutex
	entered chan struct{}
	leave   chan struct{}
}

func (g *gate) pass(context.Context, pgx.Tx, *consumers.Batch) error {
	g.mu.Lock()
	entered, leave := g.entered, g.leave
	g.entered = nil
	g.mu.Unlock()
	if entered != nil {
		close(entered)
		<-leave
	}
	return nil
}

// shut has the next transaction wait, which entered tells, until open is called.
func (g *gate) shut() (entered <-chan struct{}, open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entered, g.leave = make(chan struct{}), make(chan struct{})
	return g.entered, sync.OnceFunc(func() { close(g.leave) })
}

// inOneLoop starts a worker whose partitions are in one broker's loop, has it apply a
// message of each, and then holds it up in a transaction. What is published before open is
// called is applied in two transactions at most: that which was fetched meanwhile, and
// all else.
func (b *bench) inOneLoop(stage *tally) (w *running, open func()) {
	b.Helper()
	return b.inALoop(stage, 1)
}

// inALoop is inOneLoop where so many transactions may be open at once.
func (b *bench) inALoop(stage *tally, concurrency int) (w *running, open func()) {
	b.Helper()
	g := &gate{}
	stage.before = g.pass
	config := b.config()
	config.Concurrency = concurrency
	b.publish(0, b.partitions)
	for _, c := range b.channels[1:] {
		b.publishTo(c, b.partitions)
	}
	w = b.start(b.ledger(stage), config)
	b.drained(b.partitions * len(b.channels))
	entered, open := g.shut()
	b.Cleanup(open)
	b.publish(b.partitions, 1)
	<-entered
	return w, open
}

// transactions counts those that wrote numbers from one on.
func (b *bench) transactions(from int) int64 {
	b.Helper()
	return b.count(`SELECT count(DISTINCT xmin::text) FROM tally WHERE convert_from(value, 'UTF8') ~ '^[0-9]+$' AND convert_from(value, 'UTF8')::int >= $1`, from)
}

func TestPartitionsShareATransaction(t *testing.T) {
	b := setup(t, 6)
	w, open := b.inOneLoop(b.tally())
	b.publish(7, 60)
	open()
	b.drained(67)
	b.exactly(67)
	if n := b.transactions(7); n > 2 {
		t.Errorf("%d transactions, want at most 2", n)
	}
	w.stop(t)
	for partition := range b.partitions {
		b.announcedInOrder(partition)
	}
}

// While a transaction takes long, others go on; those of its partitions wait for it.
func TestRoundsOfOtherPartitionsGoOn(t *testing.T) {
	b := setup(t, 3)
	_, open := b.inALoop(b.tally(), 2) // 3, in partition 0, waits
	b.send(1, kafka.Message{Value: []byte("4")})
	b.applied(4)
	b.publish(6, 60)
	open()
	b.send(2, kafka.Message{Value: []byte("5")})
	b.drained(66)
	b.exactly(66)
	b.announces(map[int]int{0: 22, 1: 22, 2: 22})
	b.announcedInOrder(0)
	b.announcedInOrder(1)
}

// orderly is a handler that tells of a batch that does not go on where the one before it in
// its partition ended, or goes beside it.
type orderly struct {
	consumers.Handler
	t *testing.T
}

func (h orderly) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	p, start, err := h.Handler.Open(ctx, a)
	next := new(atomic.Int64)
	next.Store(start.Next)
	return orderlyPartition{p, h.t, next}, start, err
}

type orderlyPartition struct {
	consumers.Partition
	t    *testing.T
	next *atomic.Int64
}

func (p orderlyPartition) Prepare(b *consumers.Batch) consumers.Work {
	return orderlyWork{p.Partition.Prepare(b), p, b}
}

type orderlyWork struct {
	consumers.Work
	orderlyPartition
	batch *consumers.Batch
}

func (w orderlyWork) Apply(ctx context.Context) error {
	const busy = -1
	if !w.next.CompareAndSwap(w.batch.From, busy) {
		w.t.Errorf("partition %d: a batch from %d on, where another ends at %d", w.batch.Partition, w.batch.From, w.next.Load())
	}
	err := w.Work.Apply(ctx)
	if err == nil {
		w.next.Store(w.batch.To)
	} else {
		w.next.Store(w.batch.From)
	}
	return err
}

// Rounds that are applied beside one another never have a partition in common.
func TestBatchesOfAPartitionGoInTheirOrder(t *testing.T) {
	b := setup(t, 2)
	config := b.config()
	config.Concurrency, config.BatchMessages = 3, 5
	b.publish(0, 2)
	b.start(orderly{b.ledger(b.tally()), t}, config)
	b.drained(2)
	b.publish(2, 400)
	b.drained(402)
	b.exactly(402)
}

// announcedInOrder fails unless a partition announces its own numbers, rising; one may
// come twice.
func (b *bench) announcedInOrder(partition int) {
	b.Helper()
	last := -1
	for i, m := range b.read(b.out, partition) {
		if isNotice(m) {
			continue
		}
		n, err := strconv.Atoi(string(m.Value))
		if err != nil || n%b.partitions != partition || n < last {
			b.Errorf("partition %d announces %q at %d, behind %d", partition, m.Value, i, last)
		}
		last = n
	}
}

// A partition that another worker has gone on in leaves the loop; those that were to be
// applied together with it are applied.
func TestFencedPartitionHoldsNoOtherUp(t *testing.T) {
	b := setup(t, 4)
	_, open := b.inOneLoop(b.tally())
	b.publish(5, 40)
	// Another worker takes partition 3 over, and has applied its next message.
	other := b.ledger(b.tally())
	partition, start, err := other.Open(t.Context(), consumers.Assignment{TopicPartition: schema.TopicPartition{Topic: b.in, Partition: 3}})
	if err != nil || start.Next != 1 {
		t.Fatalf("open: %+v, %v", start, err)
	}
	next := b.read(b.in, 3)[1]
	err = partition.Prepare(&consumers.Batch{
		Topic: b.in, Partition: 3, From: 1, To: 2,
		Messages: []consumers.Message{{Offset: next.Offset, Value: next.Value}},
	}).Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open()
	b.drained(45)
	b.exactly(45)
	for partition := range b.partitions {
		b.announcedInOrder(partition)
	}
}

// A message that the record refuses is found in its partition alone.
func TestRefusedMessageHoldsNoOtherUp(t *testing.T) {
	b := setup(t, 3)
	w, open := b.inOneLoop(b.tally())
	b.publish(4, 30)
	b.send(1, kafka.Message{Value: []byte("cursed")})
	b.publish(34, 30)
	open()
	b.drained(65)
	b.exactly(64)
	eventually(t, w.Ready)
	b.publish(64, 30)
	b.drained(95)
	b.exactly(94)
	if aside := b.read(b.quarantine, 1); len(aside) != 1 || string(aside[0].Value) != "cursed" {
		t.Errorf("%d messages in quarantine, want the one that was refused", len(aside))
	}
	for partition := range b.partitions {
		b.announcedInOrder(partition)
	}
}

// The largest message that a broker takes is quarantined, with the headers that say where
// it lay.
func TestTheLargestMessageIsQuarantined(t *testing.T) {
	b := setup(t, 1)
	const most = 1_048_588 // bytes of a batch, as shipped
	message := kafka.Message{Value: []byte("poison"), Headers: []kafka.Header{{Key: "h", Value: make([]byte, most-100)}}}
	b.send(0, message)
	w := b.start(b.ledger(b.tally()), b.config())
	b.drained(1)
	if aside := b.read(b.quarantine, 0); len(aside) != 1 || len(aside[0].Headers[0].Value) != most-100 {
		t.Errorf("%d messages in quarantine, want the large one", len(aside))
	}
	eventually(t, w.Ready)
}

// A partition that stops for an operator stops alone.
func TestStoppedPartitionHoldsNoOtherUp(t *testing.T) {
	cases := []struct {
		name string
		stop func(*bench) // partition 2
		want error
	}{
		{"a flood", func(b *bench) {
			b.send(2, slices.Repeat([]kafka.Message{{Value: []byte("poison")}}, 300)...)
		}, consumers.ErrFlood},
		{"a gap", func(b *bench) {
			// Another worker is beyond the log's end, so the position is read anew.
			b.exec(`UPDATE position SET next_offset = 1000, published_offset = 1000 WHERE partition = 2`)
			b.send(2, kafka.Message{Value: []byte("nobody's")})
		}, consumers.ErrGap},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := setup(t, 3)
			w, open := b.inOneLoop(b.tally())
			open()
			b.drained(4)
			tc.stop(b)
			eventually(t, func() error {
				if err := w.Ready(); !errors.Is(err, tc.want) {
					return fmt.Errorf("ready says %w", err)
				}
				return nil
			})
			for i := range 50 {
				b.send(i%2, kafka.Message{Value: []byte(strconv.Itoa(1000 + i))})
			}
			eventually(t, func() error {
				if n := b.count(`SELECT count(*) FROM tally WHERE partition < 2`); n != 53 {
					return fmt.Errorf("%d messages of the other partitions took effect, want 53", n)
				}
				return nil
			})
			if err := w.Ready(); !errors.Is(err, tc.want) {
				t.Errorf("ready says %v", err)
			}
		})
	}
}

// announces waits until partitions announce so many messages at least.
func (b *bench) announces(want map[int]int) {
	b.Helper()
	eventually(b.T, func() error {
		for partition, least := range want {
			if n := len(b.read(b.out, partition)); n < least {
				return fmt.Errorf("partition %d announces %d messages, want %d", partition, n, least)
			}
		}
		return nil
	})
}

// recovers lets all announcements through: then so many messages are applied, once, and
// announced, in order.
func (b *bench) recovers(w *running, published int) {
	b.Helper()
	b.publisher.setRefuse(nil)
	b.drained(published)
	b.exactly(published)
	eventually(b.T, w.Ready)
	for partition := range b.partitions {
		b.announcedInOrder(partition)
	}
}

// Where the announcements of one partition do not get through, those of the others are
// announced, once.
func TestUnannouncedPartitionHoldsNoOtherUp(t *testing.T) {
	b := setup(t, 3)
	w, open := b.inOneLoop(b.tally())
	b.publisher.setRefuse(func(p schema.TopicPartition) bool { return p.Partition == 1 })
	b.publish(4, 30)
	open()
	b.announces(map[int]int{0: 11, 2: 11})
	b.publish(34, 30) // which the others announce too, though partition 1 still cannot
	b.announces(map[int]int{0: 21, 2: 21})
	b.recovers(w, 64)
	for _, partition := range []int{0, 2} { // all of 64, and each once
		if n := len(b.read(b.out, partition)); n != 22-partition/2 {
			t.Errorf("partition %d announces %d messages", partition, n)
		}
	}
}

// Nor does one whose messages came alone, so that nothing that succeeds shows that it is
// the only one in trouble, nor several of them, which are more than may be applied at once.
func TestPartitionsInTroubleHoldNoOtherUp(t *testing.T) {
	b := setup(t, 4)
	w, open := b.inOneLoop(b.tally())
	open()
	b.drained(5)
	b.publisher.setRefuse(func(p schema.TopicPartition) bool { return p.Partition > 1 })
	for _, partition := range []int{2, 3} {
		b.send(partition, kafka.Message{Value: []byte(strconv.Itoa(4 + partition))})
		b.applied(int64(4 + partition))
	}
	b.send(0, kafka.Message{Value: []byte("8")})
	b.send(1, kafka.Message{Value: []byte("5")})
	b.announces(map[int]int{0: 3, 1: 2})
	b.recovers(w, 9)
}

// While partitions are taken over they are worked on one by one; one that is in trouble
// takes no turn from the others.
func TestATakeoverInTroubleHoldsNoOtherUp(t *testing.T) {
	b := setup(t, 4)
	config := b.config()
	config.Concurrency = 1
	b.publish(0, 8)
	b.publisher.setRefuse(func(p schema.TopicPartition) bool { return p.Partition > 1 })
	w := b.start(b.ledger(b.tally()), config)
	b.announces(map[int]int{0: 2, 1: 2})
	b.recovers(w, 8)
}

// hangingIdle is a handler whose store hangs when a partition is idle.
type hangingIdle struct {
	consumers.Handler
	entered chan struct{}
}

func (h hangingIdle) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	p, start, err := h.Handler.Open(ctx, a)
	return hangingIdlePartition{p, h.entered}, start, err
}

type hangingIdlePartition struct {
	consumers.Partition
	entered chan struct{}
}

func (p hangingIdlePartition) Idle(ctx context.Context, _ time.Time) error {
	select {
	case p.entered <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

// sluggish is a handler that joins no batches, and whose store hangs with partition 0.
type sluggish struct {
	consumers.Handler
	hang <-chan struct{}
}

func (h sluggish) Open(ctx context.Context, a consumers.Assignment) (consumers.Partition, consumers.Start, error) {
	p, start, err := h.Handler.Open(ctx, a)
	if a.Partition == 0 {
		p = sluggishPartition{p, h.hang}
	}
	return p, start, err
}

type sluggishPartition struct {
	consumers.Partition
	hang <-chan struct{}
}

func (p sluggishPartition) Prepare(b *consumers.Batch) consumers.Work {
	work := p.Partition.Prepare(b)
	if b.From == 0 {
		return work
	}
	return sluggishWork{work, p.hang}
}

type sluggishWork struct {
	consumers.Work
	hang <-chan struct{}
}

func (w sluggishWork) Apply(ctx context.Context) error {
	<-w.hang
	return w.Work.Apply(ctx)
}

// What came together and is applied one by one does not wait for another for long.
func TestASlowPartOfARoundHoldsNoOtherUp(t *testing.T) {
	b := setup(t, 3)
	hang := make(chan struct{})
	config := b.config()
	config.BatchAge = 300 * time.Millisecond // so that what follows 3 comes together
	b.publish(0, 3)
	b.start(sluggish{b.ledger(b.tally()), hang}, config)
	b.drained(3)
	b.send(2, kafka.Message{Value: []byte("5")})
	b.applied(4)
	b.publish(3, 2)
	b.applied(5) // 4, but not 3
	close(hang)
	b.drained(6)
	b.exactly(6)
}

// A store that hangs when a stage is idle does not keep the messages that come waiting for
// ever.
func TestAHangingIdleEnds(t *testing.T) {
	b := setup(t, 14) // one after the other, they would hang for more than a minute
	entered := make(chan struct{})
	b.publish(0, 14)
	b.start(hangingIdle{b.ledger(b.tally()), entered}, b.config())
	b.applied(14)
	<-entered
	b.publish(14, 40)
	b.applied(54)
}

// Partitions of several brokers are in a loop for each, and find the other loops when their
// leaders change.
func TestPartitionsOfSeveralBrokers(t *testing.T) {
	t.Parallel()
	const partitions = 6
	topics := schema.Topics{Prefix: "test"}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(partitions, topics.Of("counter")...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b := setupOn(t, partitions, cluster.ListenAddrs(), topics, "counter")
	w := b.start(b.ledger(b.tally()), b.config())
	const rounds = 4
	for round := range rounds {
		for partition := range partitions {
			m := kafka.Message{Value: []byte(strconv.Itoa(round*partitions + partition))}
			eventually(t, func() error { // a broker that does not lead it any more stores nothing
				return b.publisher.publishTo(t.Context(), b.in, partition, []kafka.Message{m})
			})
		}
		b.drained((round + 1) * partitions)
		cluster.ShufflePartitionLeaders()
	}
	b.exactly(rounds * partitions)
	eventually(t, w.Ready)
}

// A worker that is told to stop ends the transaction of all partitions, announces it and
// writes that down.
func TestStopEndsTheRoundInFlight(t *testing.T) {
	b := setup(t, 4)
	w, open := b.inOneLoop(b.tally())
	b.publish(5, 400)
	w.cancel()
	open()
	w.stop(t)
	if left := b.count(`SELECT coalesce(sum(next_offset - published_offset), 0) FROM position`); left != 0 {
		t.Errorf("%d offsets are applied and not announced", left)
	}
	b.start(b.ledger(b.tally()), b.config())
	b.drained(405)
	b.exactly(405)
}

// A broker that is away is told by the worker's readiness, and so is its return.
func TestABrokerThatIsAwayAndComesBack(t *testing.T) {
	b := setup(t, 3)
	w, open := b.inOneLoop(b.tally())
	open()
	b.drained(4)
	b.publisher.setFail(func() error { return errors.New("the broker is away") })
	b.publish(4, 30)
	eventually(t, func() error {
		if w.Ready() == nil {
			return errors.New("still ready")
		}
		return nil
	})
	b.publisher.setFail(nil)
	b.drained(34)
	b.exactly(34)
	eventually(t, w.Ready)
}

// A message that comes after a pause does not wait for others.
func TestALoneMessageIsAppliedAtOnce(t *testing.T) {
	b := setup(t, 3)
	config := b.config()
	config.Concurrency, config.BatchAge = 1, time.Minute
	w := b.start(b.ledger(b.tally()), config)
	eventually(t, w.Ready)
	b.publish(0, 1)
	b.applied(1)
}

// applied waits until so many messages took effect.
func (b *bench) applied(n int64) {
	b.Helper()
	eventually(b.T, func() error {
		if rows := b.count(`SELECT count(*) FROM tally`); rows != n {
			return fmt.Errorf("%d messages took effect, want %d", rows, n)
		}
		return nil
	})
}
