package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/postgres/postgrestest"
)

// tally is a stage without a domain: it writes every message that it sees into a table, and
// announces it. A value "poison" cannot be read, and Postgres refuses the value "cursed".
type tally struct {
	// before is called at the beginning of every transaction for each of its batches, if set.
	before func(context.Context, pgx.Tx, *consumers.Batch) error
}

func (s *tally) Decode(b *consumers.Batch) consumers.Decoded {
	d := &tallyBatch{batch: b}
	for i := range b.Messages {
		m := &b.Messages[i]
		if string(m.Value) == "poison" {
			b.Quarantine(m, &schema.Error{Field: "value", Rule: schema.RuleNotJSON, Detail: "6 bytes"})
			continue
		}
		d.messages = append(d.messages, m)
	}
	return d
}

func (s *tally) Effects(batches []consumers.Decoded) consumers.Effects {
	e := &tallied{stage: s}
	for _, b := range batches {
		e.batches = append(e.batches, b.(*tallyBatch))
	}
	return e
}

func (s *tally) Announced(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]kafka.Message, error) {
	rows, err := db.Query(ctx, `SELECT "offset", value FROM tally WHERE topic = $1 AND partition = $2 AND "offset" >= $3 AND "offset" < $4 ORDER BY "offset"`,
		at.Topic, at.Partition, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m kafka.Message, err error) {
		err = row.Scan(&m.Offset, &m.Value)
		return tallyAnswer(at, m.Offset, m.Value), err
	})
}

// tallyAnswer is what a message is answered.
func tallyAnswer(at schema.TopicPartition, offset int64, value []byte) kafka.Message {
	id := fmt.Sprintf("%s/%d", at, offset)
	return kafka.Message{Offset: offset, Value: value, Headers: []kafka.Header{{Key: schema.HeaderID, Value: []byte(id)}}}
}

// tallyBatch is a batch as it was read.
type tallyBatch struct {
	batch    *consumers.Batch
	messages []*consumers.Message
}

type tallied struct {
	stage   *tally
	batches []*tallyBatch
}

func (e *tallied) LookUp(*pgx.Batch) {}

func (e *tallied) Apply(ctx context.Context, tx pgx.Tx, last *pgx.Batch) error {
	for _, b := range e.batches {
		if e.stage.before != nil {
			if err := e.stage.before(ctx, tx, b.batch); err != nil {
				return err
			}
		}
		for _, m := range b.messages {
			last.Queue(`INSERT INTO tally VALUES ($1, $2, $3, $4)`, b.batch.Topic, b.batch.Partition, m.Offset, m.Value)
		}
	}
	return nil
}

func (e *tallied) Announcements(batch int) []kafka.Message {
	b := e.batches[batch]
	out := make([]kafka.Message, len(b.messages))
	for i, m := range b.messages {
		out[i] = tallyAnswer(b.batch.TopicPartition(), m.Offset, m.Value)
	}
	return out
}

func (e *tallied) Policy(int) string { return "tally" }

// bench is a database and an installation's topics of one test's own.
type bench struct {
	*testing.T
	db         *pgxpool.Pool
	brokers    []string
	topics     schema.Topics
	channels   []schema.Channel
	in, out    string // the topics of the first channel
	quarantine string
	partitions int // of each topic
	publisher  *publisher
}

// setup is a bench with one channel of so many partitions.
func setup(t *testing.T, partitions int) *bench {
	t.Helper()
	return setupChannels(t, partitions, "counter")
}

func setupChannels(t *testing.T, partitions int, channels ...schema.Channel) *bench {
	t.Helper()
	t.Parallel()
	topics, named := kafkatest.NewInstallation(t, partitions, channels...)
	return setupOn(t, partitions, named.Brokers, topics, channels...)
}

// setupOn is a bench on brokers that have the topics.
func setupOn(t *testing.T, partitions int, brokers []string, topics schema.Topics, channels ...schema.Channel) *bench {
	t.Helper()
	b := &bench{
		T: t, db: postgrestest.New(t), brokers: brokers, partitions: partitions, topics: topics, channels: channels,
		in: topics.Submissions(channels[0]), out: topics.Decisions(channels[0]), quarantine: topics.Quarantine(),
	}
	b.publisher = newPublisher(t, b.brokers)
	b.exec(`CREATE TABLE tally (topic text, partition int, "offset" bigint, value bytea CHECK (value <> 'cursed'),
		seq bigint GENERATED ALWAYS AS IDENTITY)`)
	return b
}

func (b *bench) exec(sql string) {
	b.Helper()
	if _, err := b.db.Exec(b.Context(), sql); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

func (b *bench) count(sql string, args ...any) (n int64) {
	b.Helper()
	if err := b.db.QueryRow(b.Context(), sql, args...).Scan(&n); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (b *bench) config() consumers.Config {
	return consumers.Config{
		Brokers: b.brokers, Group: b.topics.Prefix, Topics: b.reads, TopicsEvery: 200 * time.Millisecond,
		BatchMessages: 50, SessionTimeout: 6 * time.Second, DrainTimeout: 3 * time.Second,
	}
}

// reads says that the stage reads what the channels submit.
func (b *bench) reads(context.Context) (map[string]int, error) {
	topics := map[string]int{}
	for _, c := range b.channels {
		topics[b.topics.Submissions(c)] = b.partitions
	}
	return topics, nil
}

// running is a worker of a test.
type running struct {
	*consumers.Engine
	cancel context.CancelFunc
	done   chan error
}

// start starts a worker and stops it when the test ends.
func (b *bench) start(handler consumers.Handler, config consumers.Config) *running {
	b.Helper()
	engine, err := consumers.New("tally", config, handler, quiet(), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	return b.run(engine)
}

// run runs an engine and stops it when the test ends.
func (b *bench) run(engine *consumers.Engine) *running {
	b.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	r := &running{Engine: engine, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- engine.Run(ctx) }()
	b.Cleanup(func() { r.stop(b.T) })
	return r
}

func (b *bench) ledger(stage consumers.Stage) *consumers.Ledger {
	config := consumers.LedgerConfig{Topics: b.topics, Source: "/tally", Simulation: true}
	return consumers.NewLedger(config, stage, b.db, b.publisher)
}

func (b *bench) tally() *tally { return &tally{} }

// stop stops a worker as SIGTERM would. It may be called twice.
func (r *running) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		r.done <- err
		if err != nil {
			t.Errorf("the worker stopped with an error: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the worker did not stop")
	}
}

// eventually waits for a condition, and fails the test with what it last said.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about within a minute: %v", err)
		}
		<-ticker.C
	}
}

// drained waits until everything published was applied and announced.
func (b *bench) drained(published int) {
	b.Helper()
	eventually(b.T, func() error {
		next := b.count(`SELECT coalesce(sum(next_offset - skipped), 0) FROM position`)
		announced := b.count(`SELECT coalesce(sum(published_offset - skipped), 0) FROM position`)
		if next != int64(published) || announced != int64(published) {
			return fmt.Errorf("%d of %d applied, %d announced", next, published, announced)
		}
		return nil
	})
}

// publisher publishes as the engine asks of one. fail, if set, is asked before each
// call, and refuse before each partition of one.
type publisher struct {
	client *kafka.Client
	mu     sync.Mutex
	fail   func() error
	refuse func(schema.TopicPartition) bool
}

func newPublisher(t *testing.T, brokers []string) *publisher {
	transport := &kafka.Transport{MetadataTTL: 500 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	return &publisher{client: &kafka.Client{Addr: kafka.TCP(brokers...), Transport: transport, Timeout: 10 * time.Second}}
}

func (p *publisher) setFail(fail func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

func (p *publisher) PublishPlaced(ctx context.Context, messages []kafka.Message) error {
	p.mu.Lock()
	fail, refuse := p.fail, p.refuse
	p.mu.Unlock()
	if fail != nil {
		if err := fail(); err != nil {
			return err
		}
	}
	byPartition := map[schema.TopicPartition][]kafka.Message{}
	for _, m := range messages {
		at := schema.TopicPartition{Topic: m.Topic, Partition: m.Partition}
		byPartition[at] = append(byPartition[at], m)
	}
	refused := &refusedError{}
	for at, messages := range byPartition {
		if refuse != nil && refuse(at) {
			refused.partitions = append(refused.partitions, at)
			continue
		}
		if err := p.publishTo(ctx, at.Topic, at.Partition, messages); err != nil {
			return err
		}
	}
	if len(refused.partitions) > 0 {
		return refused
	}
	return nil
}

// refusedError tells, as producers.PublishError does, what was not published.
type refusedError struct{ partitions []schema.TopicPartition }

func (e *refusedError) Error() string {
	return fmt.Sprintf("partitions %s have no leader", e.partitions)
}

func (e *refusedError) FailedPartitions() []schema.TopicPartition { return e.partitions }

func (p *publisher) setRefuse(refuse func(schema.TopicPartition) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

func (p *publisher) publishTo(ctx context.Context, topic string, partition int, messages []kafka.Message) error {
	records := make([]kafka.Record, len(messages))
	for i, m := range messages {
		records[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers, Time: time.Now()}
	}
	response, err := p.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err != nil {
		return err
	}
	return response.Error
}

// publish publishes n numbered messages from a number on, spread over the
// partitions; in each partition the numbers rise.
func (b *bench) publish(from, n int) {
	b.Helper()
	byPartition := make([][]kafka.Message, b.partitions)
	for i := from; i < from+n; i++ {
		byPartition[i%b.partitions] = append(byPartition[i%b.partitions], kafka.Message{Value: []byte(strconv.Itoa(i))})
	}
	for partition, messages := range byPartition {
		if len(messages) > 0 {
			b.send(partition, messages...)
		}
	}
}

func (b *bench) send(partition int, messages ...kafka.Message) {
	b.Helper()
	b.sendTo(b.in, partition, messages...)
}

func (b *bench) sendTo(topic string, partition int, messages ...kafka.Message) {
	b.Helper()
	if err := b.publisher.publishTo(b.Context(), topic, partition, messages); err != nil {
		b.Fatalf("publish: %v", err)
	}
}

// read returns everything that lies in a partition of a topic.
func (b *bench) read(topic string, partition int) []kafka.Message {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 30*time.Second)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", b.brokers[0], topic, partition)
	if err != nil {
		b.Fatalf("dial %s/%d: %v", topic, partition, err)
	}
	defer conn.Close()
	first, last, err := conn.ReadOffsets()
	if err != nil {
		b.Fatalf("offsets of %s/%d: %v", topic, partition, err)
	}
	if _, err := conn.Seek(first, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		b.Fatal(err)
	}
	var out []kafka.Message
	for first < last {
		batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
		for {
			m, err := batch.ReadMessage()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatalf("read %s/%d: %v", topic, partition, err)
			}
			out, first = append(out, m), m.Offset+1
		}
		if err := batch.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return out
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
