package analytics

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
)

// frozen is a connection of a process that is stopped in the middle of an insert and
// goes on when others have long taken its partition: its block still arrives.
type frozen struct {
	driver.Conn
	used    atomic.Bool
	entered chan struct{}
	leave   chan struct{}
	left    chan error
}

func freeze(conn driver.Conn) *frozen {
	return &frozen{Conn: conn, entered: make(chan struct{}), leave: make(chan struct{}), left: make(chan error, 1)}
}

func (f *frozen) PrepareBatch(ctx context.Context, query string, opts ...chdriver.PrepareBatchOption) (chdriver.Batch, error) {
	batch, err := f.Conn.PrepareBatch(context.WithoutCancel(ctx), query, opts...)
	if err != nil || !f.used.CompareAndSwap(false, true) {
		return batch, err
	}
	return &frozenBatch{Batch: batch, conn: f, ctx: ctx}, nil
}

type frozenBatch struct {
	chdriver.Batch
	conn *frozen
	ctx  context.Context
}

// Send is stopped first. To the stage it fails when the stage gives up; the block is
// sent all the same, later.
func (b *frozenBatch) Send() error {
	close(b.conn.entered)
	go func() {
		<-b.conn.leave
		b.conn.left <- b.Batch.Send()
	}()
	<-b.ctx.Done()
	return b.ctx.Err()
}

func (b *frozenBatch) Close() error { return nil }

// arrive lets the frozen block arrive, once, and returns what became of it.
func (f *frozen) arrive() error {
	select {
	case <-f.leave:
		return nil
	default:
		close(f.leave)
		return <-f.left
	}
}

// A worker that was stopped in the middle of an insert and goes on after another has
// its partition adds nothing: what it was about to insert was claimed, and the
// other inserted exactly that block again.
func TestFrozenWorkerAddsNothing(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	named, created := kafkatest.NewInstallation(t, partition+1, channel)
	produce(t, created, named.Decisions(channel), partition, decisions(0, 300))
	connection := freeze(h.db)
	first := h.engine(t, connection, created.Brokers, named, 100)
	<-connection.entered
	first.stop()
	// The other cuts its batches otherwise, and there is more by now.
	produce(t, created, named.Decisions(channel), partition, decisions(300, 700))
	second := h.engine(t, h.db, created.Brokers, named, 170)
	h.eventually(700)
	if err := connection.arrive(); err != nil {
		t.Fatalf("the frozen block did not arrive, so this test shows nothing: %v", err)
	}
	h.exactly(700)
	second.stop()
}

// produce lays decisions on their partition of the topic.
func produce(t *testing.T, created kafkatest.Topics, topic string, partition int, decisions []schema.Decision) {
	t.Helper()
	transport := new(kafka.Transport) // one that knows of no cluster from before the topic
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(created.Brokers...), Timeout: 10 * time.Second, Transport: transport}
	records := make([]kafka.Record, len(decisions))
	for i := range decisions {
		d := decisions[i]
		d.Cause.Topic = strings.Replace(topic, ".decisions.", ".submissions.", 1)
		m := message(0, d)
		records[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Time: m.Time}
		for _, header := range m.Headers {
			records[i].Headers = append(records[i].Headers, kafka.Header{Key: header.Key, Value: header.Value})
		}
	}
	response, err := client.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		t.Fatal(err)
	}
}

// engine is the stage in a process of its own.
type engine struct {
	*testing.T
	*consumers.Engine
	cancel context.CancelFunc
	done   chan error
}

func (h *database) engine(t *testing.T, db driver.Conn, brokers []string, named schema.Topics, batch int) *engine {
	t.Helper()
	config := consumers.Config{
		Brokers: brokers, Group: named.Prefix, BatchMessages: batch,
		SessionTimeout: 6 * time.Second, DrainTimeout: time.Second,
	}
	silent := slog.New(slog.DiscardHandler)
	worker, err := NewEngine(config, Config{Topics: named, DB: db, Publisher: h.publisher, Pseudonym: h.pseudonym},
		kafkaschema.NewFinder(brokers, named, silent), silent, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	e := &engine{T: t, Engine: worker, cancel: cancel, done: make(chan error, 1)}
	go func() { e.done <- worker.Run(ctx) }()
	t.Cleanup(cancel)
	return e
}

func (e *engine) stop() {
	e.Helper()
	e.cancel()
	if err := <-e.done; err != nil {
		e.Errorf("the stage stopped with an error: %v", err)
	}
}

// eventually waits for so many rows.
func (h *database) eventually(rows uint64) {
	h.Helper()
	deadline, ticker := time.Now().Add(time.Minute), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	for {
		var have uint64
		if err := h.db.QueryRow(h.Context(), `SELECT uniqExact(cause_partition, cause_offset) FROM decision`).Scan(&have); err != nil {
			h.Fatal(err)
		}
		if have >= rows {
			return
		}
		if time.Now().After(deadline) {
			h.Fatalf("%d of %d rows after a minute", have, rows)
		}
		<-ticker.C
	}
}
