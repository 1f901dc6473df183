package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// exactly fails unless every message from 0 to n stands in the tally once.
func (b *bench) exactly(n int) {
	b.Helper()
	if rows := b.count(`SELECT count(*) FROM tally`); rows != int64(n) {
		b.Errorf("%d rows for %d messages", rows, n)
	}
	if distinct := b.count(`SELECT count(DISTINCT value) FROM tally`); distinct != int64(n) {
		b.Errorf("%d different rows for %d messages", distinct, n)
	}
}

func TestEveryMessageTakesEffectOnceAndIsAnnounced(t *testing.T) {
	b := setup(t, 3)
	b.publish(0, 1000)
	w := b.start(b.ledger(b.tally()), b.config())
	b.drained(1000)
	b.exactly(1000)
	if err := w.Ready(); err != nil {
		t.Errorf("a worker that has caught up is not ready: %v", err)
	}
	w.stop(t)
	for partition := range 3 {
		announced := b.read(b.out, partition)
		for i, m := range announced {
			if want := strconv.Itoa(i*3 + partition); string(m.Value) != want {
				t.Fatalf("partition %d announces %q at %d, want %q", partition, m.Value, i, want)
			}
		}
		if len(announced) < 333 {
			t.Errorf("partition %d announces %d messages", partition, len(announced))
		}
	}
	batches := b.count(`SELECT count(*) FROM batch`)
	covered := b.count(`SELECT sum(to_offset - from_offset)::bigint FROM batch`)
	if batches == 0 || covered != 1000 {
		t.Errorf("%d batches cover %d offsets, want 1000", batches, covered)
	}
}

// What was applied but not announced when a worker died is announced by the next.
func TestTakeoverAnnouncesWhatWasLeft(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 100)
	var attempts atomic.Int64
	b.publisher.setFail(func() error {
		attempts.Add(1)
		return errors.New("the broker is away")
	})
	w := b.start(b.ledger(b.tally()), b.config())
	eventually(t, func() error {
		if n := attempts.Load(); n < 2 {
			return fmt.Errorf("%d attempts", n)
		}
		return nil
	})
	if err := w.Ready(); err == nil {
		t.Error("a worker that cannot announce says that it is ready")
	}
	w.stop(t)
	if n := b.count(`SELECT count(*) FROM tally`); n == 0 {
		t.Fatal("nothing was applied, so this test shows nothing")
	}
	b.publisher.setFail(nil)
	b.start(b.ledger(b.tally()), b.config())
	b.drained(100)
	b.exactly(100)
	announced := b.read(b.out, 0)
	for i, m := range announced {
		if string(m.Value) != strconv.Itoa(i) {
			t.Fatalf("announcement %d is %q", i, m.Value)
		}
	}
	if len(announced) != 100 {
		t.Errorf("%d announcements, want 100", len(announced))
	}
}

func TestUnreadableMessagesAreQuarantinedAmongGoodOnes(t *testing.T) {
	b := setup(t, 1)
	header := kafka.Header{Key: "trace", Value: []byte{0xff, 0x00}}
	b.send(0,
		kafka.Message{Value: []byte("0")},
		kafka.Message{Key: []byte("key"), Value: []byte("poison"), Headers: []kafka.Header{header}},
		kafka.Message{Value: []byte("1")},
	)
	b.start(b.ledger(b.tally()), b.config())
	b.drained(3)
	b.exactly(2)
	messages := b.read(b.quarantine, 0)
	if len(messages) != 1 {
		t.Fatalf("%d messages in quarantine, want 1", len(messages))
	}
	m := messages[0]
	if string(m.Key) != "key" || string(m.Value) != "poison" {
		t.Errorf("the bytes were touched: key %q, value %q", m.Key, m.Value)
	}
	got := map[string]string{}
	for _, h := range m.Headers {
		got[h.Key] = string(h.Value)
	}
	want := map[string]string{
		"trace":                      "\xff\x00",
		schema.HeaderOriginTopic:     b.in,
		schema.HeaderOriginPartition: "0",
		schema.HeaderOriginOffset:    "1",
		schema.HeaderQuarantineRule:  "not_json",
		schema.HeaderQuarantineField: "value",
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("header %s is %q, want %q", key, got[key], value)
		}
	}
}

// Two workers share the partitions; one joins and one leaves in the middle.
func TestWorkersJoinAndLeave(t *testing.T) {
	b := setup(t, 4)
	first := b.start(b.ledger(b.tally()), b.config())
	b.publish(0, 400)
	b.drained(400)
	second := b.start(b.ledger(b.tally()), b.config())
	eventually(t, func() error {
		if first.Assigned() != 2 || second.Assigned() != 2 {
			return fmt.Errorf("%d and %d partitions", first.Assigned(), second.Assigned())
		}
		return nil
	})
	b.publish(400, 400)
	first.stop(t)
	b.publish(800, 400)
	b.drained(1200)
	b.exactly(1200)
	if err := second.Ready(); err != nil {
		t.Errorf("the worker that stayed is not ready: %v", err)
	}
}

// A worker that was frozen past its session timeout, and does not know it, is fenced by
// Postgres when it goes on.
func TestZombieIsFenced(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 10)
	ledger := b.ledger(b.tally())
	zombie, start, err := ledger.Open(t.Context(), consumers.Assignment{TopicPartition: schema.TopicPartition{Topic: b.in}})
	if err != nil || start.Next != 0 {
		t.Fatalf("open: %+v, %v", start, err)
	}
	batch := &consumers.Batch{Topic: b.in, From: 0, To: 10}
	for i := range 10 {
		batch.Messages = append(batch.Messages, consumers.Message{Offset: int64(i), Value: []byte(strconv.Itoa(i))})
	}
	work := zombie.Prepare(batch)
	b.start(b.ledger(b.tally()), b.config())
	b.drained(10)
	if err := work.Apply(t.Context()); !errors.Is(err, consumers.ErrFenced) {
		t.Errorf("the zombie's batch: %v, want %v", err, consumers.ErrFenced)
	}
	b.exactly(10)
}

// The same batch delivered twice to the same owner takes effect once.
func TestSameBatchTwice(t *testing.T) {
	b := setup(t, 1)
	partition, _, err := b.ledger(b.tally()).Open(t.Context(), consumers.Assignment{TopicPartition: schema.TopicPartition{Topic: b.in}})
	if err != nil {
		t.Fatal(err)
	}
	batch := func() *consumers.Batch {
		return &consumers.Batch{
			Topic: b.in, From: 0, To: 1,
			Messages: []consumers.Message{{Offset: 0, Value: []byte("0")}},
		}
	}
	if err := partition.Prepare(batch()).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := partition.Prepare(batch()).Apply(t.Context()); !errors.Is(err, consumers.ErrFenced) {
		t.Errorf("the second delivery: %v, want %v", err, consumers.ErrFenced)
	}
	b.exactly(1)
}

// A COMMIT whose answer is lost has committed or not; the worker finds out.
func TestLostCommitReply(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 200)
	var cut atomic.Int64
	stage := b.tally()
	stage.before = func(ctx context.Context, tx pgx.Tx, batch *consumers.Batch) error {
		if cut.Add(1)%2 == 0 {
			return nil
		}
		// The batch commits behind the worker's back, and its connection dies.
		_, err := tx.Exec(ctx, `SELECT 1`)
		for i := range batch.Messages {
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO tally VALUES ($1, $2, $3, $4)`, batch.Topic, batch.Partition, batch.Messages[i].Offset, batch.Messages[i].Value)
			}
		}
		if err == nil {
			_, err = tx.Exec(ctx, `COMMIT`)
		}
		return errors.Join(err, tx.Conn().Close(ctx), errors.New("connection lost"))
	}
	b.start(b.ledger(stage), b.config())
	b.drained(200)
	b.exactly(200)
}

// An error that nobody marked is tried again for ever, in place, and order is kept.
func TestFailingStoreIsRetriedInPlace(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 60)
	var failures atomic.Int64
	stage := b.tally()
	stage.before = func(context.Context, pgx.Tx, *consumers.Batch) error {
		if failures.Add(1) <= 3 {
			return errors.New("the disk is full")
		}
		return nil
	}
	w := b.start(b.ledger(stage), b.config())
	eventually(t, func() error {
		if w.Ready() == nil && failures.Load() < 3 {
			return errors.New("still ready")
		}
		return nil
	})
	b.drained(60)
	b.exactly(60)
	eventually(t, w.Ready)
	if n := b.count(`SELECT count(*) FROM quarantined`); n != 0 {
		t.Errorf("%d messages were quarantined for an error of the store", n)
	}
}

// A hole in the log stops the partition; nothing after it is read as if nothing
// had happened.
func TestGapStopsThePartition(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 20)
	w := b.start(b.ledger(b.tally()), b.config())
	b.drained(20)
	w.stop(t)
	b.exec(`UPDATE position SET next_offset = 1000, published_offset = 1000`)
	w = b.start(b.ledger(b.tally()), b.config())
	eventually(t, func() error {
		if err := w.Ready(); !errors.Is(err, consumers.ErrGap) {
			return fmt.Errorf("ready says %w", err)
		}
		return nil
	})
	b.exactly(20)
}

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	none := func(context.Context) (map[string]int, error) { return nil, nil }
	valid := consumers.Config{Brokers: []string{"b:1"}, Group: "g", Topics: none}
	cases := []struct {
		name   string
		change func(*consumers.Config)
		ok     bool
	}{
		{"defaults", func(*consumers.Config) {}, true},
		{"no brokers", func(c *consumers.Config) { c.Brokers = nil }, false},
		{"no group", func(c *consumers.Config) { c.Group = "" }, false},
		{"no topics", func(c *consumers.Config) { c.Topics = nil }, false},
		{"topics asked for backwards", func(c *consumers.Config) { c.TopicsEvery = -1 }, false},
		{"negative batch", func(c *consumers.Config) { c.BatchMessages = -1 }, false},
		{"huge batch", func(c *consumers.Config) { c.BatchMessages = 50_001 }, false},
		{"tiny fetch", func(c *consumers.Config) { c.BatchBytes = 100 }, false},
		{"age of an hour", func(c *consumers.Config) { c.BatchAge = time.Hour }, false},
		{"no concurrency", func(c *consumers.Config) { c.Concurrency = -1 }, false},
		{"drain outlives session", func(c *consumers.Config) { c.DrainTimeout = 10 * time.Second }, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := valid
			tc.change(&c)
			if err := c.Validate(); (err == nil) != tc.ok {
				t.Errorf("Validate() = %v, want ok %t", err, tc.ok)
			}
		})
	}
}

// What a transaction aborted is no message, nor are its markers: they are passed over and
// counted, also where nothing follows them.
func TestTransactionsOfAProducer(t *testing.T) {
	b := setup(t, 1)
	b.start(b.ledger(b.tally()), b.config())
	client := b.transactional()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		b.transact(client, end, strconv.Itoa(2*i), strconv.Itoa(2*i+1))
	}
	eventually(t, func() error {
		if next := b.count(`SELECT coalesce(sum(next_offset), 0) FROM position`); next != 12 {
			return fmt.Errorf("at %d, want 12", next)
		}
		return nil
	})
	if skipped := b.count(`SELECT skipped FROM position`); skipped != 8 { // 4 messages, 4 markers
		t.Errorf("%d offsets were skipped, want 8", skipped)
	}
	b.drained(4)
	if rows := b.count(`SELECT count(*) FROM tally WHERE convert_from(value, 'UTF8') IN ('0', '1', '4', '5')`); rows != 4 {
		t.Errorf("%d of the 4 committed messages took effect", rows)
	}
	b.applied(4)
}

// transactional is a client of a producer that writes in transactions. It is another
// library's, since kafka-go has none.
func (b *bench) transactional() *kgo.Client {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.TransactionalID(b.in), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Close)
	return client
}

// transact publishes values to partition 0 in a transaction, and ends it.
func (b *bench) transact(client *kgo.Client, end kgo.TransactionEndTry, values ...string) {
	b.Helper()
	err := client.BeginTransaction()
	for _, value := range values {
		record := &kgo.Record{Topic: b.in, Value: []byte(value)}
		err = errors.Join(err, client.ProduceSync(b.Context(), record).FirstErr())
	}
	if err = errors.Join(err, client.EndTransaction(b.Context(), end)); err != nil {
		b.Fatalf("a transaction: %v", err)
	}
}
