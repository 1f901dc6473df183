package consumers

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// Stage is what a stage does whose effects lie in the record. The ledger adds the
// fence, the quarantine, the order of batches and the announcements.
type Stage interface {
	// Decode reads a batch's messages; it quarantines those that it cannot read.
	Decode(b *Batch) Effects
	// Announced reads again what the positions from one offset to before another of
	// a partition announced, in their order.
	Announced(ctx context.Context, db *pgxpool.Pool, partition int, from, to int64) ([]kafka.Message, error)
}

// Effects are a decoded batch of a stage.
type Effects interface {
	// Ask queues what must be known before the effects can be written. Whatever is
	// read in order to decide is locked first, unless no message changes it. It and
	// Apply are called again, from the beginning, after an error.
	Ask(queue *pgx.Batch)
	// Apply writes the batch's effects. What need not be written at once it queues,
	// to be written with what the ledger itself writes.
	Apply(ctx context.Context, tx pgx.Tx, queue *pgx.Batch) error
	// Announcements are the messages that the applied effects cause, in the order
	// of their causes. Asked for after the transaction has committed.
	Announcements() []kafka.Message
	// Policy names the version of the policy that the effects were decided by.
	Policy() string
}

// Publisher publishes messages to one partition of a topic, in their order. It
// tries again by itself; an error means that it gave up for now.
type Publisher interface {
	PublishTo(ctx context.Context, topic string, partition int, messages []kafka.Message) error
}

// Ledger is the [Handler] of a stage whose effects lie in the record. Each batch
// is one transaction that also moves the partition's position, and only from where
// this worker left it.
type Ledger struct {
	topic      string
	announceTo string
	quarantine string
	stage      Stage
	db         *pgxpool.Pool
	publisher  Publisher
}

// NewLedger returns the ledger of a stage that reads the topic of its name and
// announces on the decisions topic, each announcement in its cause's partition.
func NewLedger(topic string, topics schema.Topics, stage Stage, db *pgxpool.Pool, publisher Publisher) *Ledger {
	return &Ledger{
		topic: topic, announceTo: topics.Decisions, quarantine: topics.Quarantine,
		stage: stage, db: db, publisher: publisher,
	}
}

var _ Handler = (*Ledger)(nil)

//go:embed open_position.sql
var openPosition string

//go:embed move_position.sql
var movePosition string

//go:embed note_published.sql
var notePublished string

//go:embed insert_batch.sql
var insertBatch string

// Open reads where the partition stands, and publishes what the worker before
// this one made durable but may not have announced.
func (l *Ledger) Open(ctx context.Context, a Assignment) (Partition, Start, error) {
	next, published, err := l.stands(ctx, a)
	if err != nil {
		return nil, Start{}, err
	}
	p := &ledgerPartition{ledger: l, partition: a.Partition, published: published, noted: published}
	if err := p.announceAgain(ctx, next); err != nil {
		return nil, Start{}, err
	}
	return p, Start{Next: next}, p.Idle(ctx, time.Time{})
}

// stands reads where a partition stands, and how far it is announced.
func (l *Ledger) stands(ctx context.Context, a Assignment) (next, published int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	if err := l.db.QueryRow(ctx, openPosition, l.topic, a.Partition, a.LogStart).Scan(&next, &published); err != nil {
		return 0, 0, fmt.Errorf("open position: %w", err)
	}
	return next, published, nil
}

// transactionTimeout is how long the record may take for a batch before it is taken
// to hang: the server's own statement timeout does not end what a server that is
// frozen, or a network that swallows, keeps waiting. What became of the batch is then
// unknown, as with any answer that is lost.
const transactionTimeout = 15 * time.Second

// ledgerPartition is the ledger's hold on one partition.
type ledgerPartition struct {
	ledger    *Ledger
	partition int
	published int64 // everything before it is announced
	noted     int64 // what the record knows of that
}

// takeoverPage is how many offsets are read and published at a time when a
// partition is taken over.
const takeoverPage = 10_000

// announceAgain publishes what lies between the announced and the applied.
func (p *ledgerPartition) announceAgain(ctx context.Context, next int64) error {
	for p.published < next {
		to := min(next, p.published+takeoverPage)
		announced, err := p.ledger.stage.Announced(ctx, p.ledger.db, p.partition, p.published, to)
		if err != nil {
			return fmt.Errorf("read announcements: %w", err)
		}
		quarantined, err := readQuarantined(ctx, p.ledger.db, p.ledger.topic, p.partition, p.published, to)
		if err != nil {
			return err
		}
		if err := p.publish(ctx, announced, quarantined); err != nil {
			return err
		}
		p.published = to
	}
	return nil
}

func (p *ledgerPartition) publish(ctx context.Context, announced, quarantined []kafka.Message) error {
	if err := p.publishTo(ctx, p.ledger.announceTo, announced); err != nil {
		return err
	}
	return p.publishTo(ctx, p.ledger.quarantine, quarantined)
}

func (p *ledgerPartition) publishTo(ctx context.Context, topic string, messages []kafka.Message) error {
	if len(messages) == 0 {
		return nil
	}
	if err := p.ledger.publisher.PublishTo(ctx, topic, p.partition, messages); err != nil {
		return &AwayError{fmt.Errorf("publish to %s: %w", topic, err)}
	}
	return nil
}

// Idle writes down how far the announcements have come.
func (p *ledgerPartition) Idle(ctx context.Context, _ time.Time) error {
	if p.noted == p.published {
		return nil
	}
	if _, err := p.ledger.db.Exec(ctx, notePublished, p.ledger.topic, p.partition, p.published); err != nil {
		return fmt.Errorf("note what is published: %w", err)
	}
	p.noted = p.published
	return nil
}

// Prepare decodes a batch.
func (p *ledgerPartition) Prepare(b *Batch) Work {
	return &ledgerWork{ledgerPartition: p, batch: b, effects: p.ledger.stage.Decode(b)}
}

// ledgerWork is a decoded batch on its way into the record.
type ledgerWork struct {
	*ledgerPartition
	batch     *Batch
	effects   Effects
	committed bool
}

// Apply commits the batch, unless an earlier attempt has, and announces it.
func (w *ledgerWork) Apply(ctx context.Context) error {
	if !w.committed {
		if err := w.commit(ctx); err != nil {
			return err
		}
		w.committed = true
		w.noted = max(w.noted, w.published)
	}
	if err := w.publish(ctx, w.effects.Announcements(), w.batch.QuarantineMessages()); err != nil {
		return err
	}
	w.published = w.batch.To
	return nil
}

// commit is the transaction, in as few round trips as it can be. If the answer to its
// COMMIT is lost, the next attempt finds the position moved and is fenced; whoever opens
// the partition then reads in the record what became of it.
func (w *ledgerWork) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	tx, err := w.begin(ctx)
	if err != nil {
		return err
	}
	if err := w.write(ctx, tx); err != nil {
		_ = tx.Rollback(ctx) // where it fails, the connection is closed
		return err
	}
	return tx.Commit(ctx)
}

// begin begins the transaction with the fence and with what the effects ask. A worker
// that is fenced has asked in vain, and lets go of what that locked.
func (w *ledgerWork) begin(ctx context.Context) (pgx.Tx, error) {
	b := w.batch
	var queue pgx.Batch
	queue.BeginTx(pgx.TxOptions{})
	queue.Queue(movePosition, b.Topic, b.Partition, b.From, b.To, w.published, b.Skipped()).Exec(func(moved pgconn.CommandTag) error {
		if moved.RowsAffected() != 1 {
			return ErrFenced
		}
		return nil
	})
	w.effects.Ask(&queue)
	results := w.ledger.db.SendBatch(ctx, &queue)
	tx := results.Tx()
	if err := results.Close(); err != nil {
		_ = tx.Rollback(ctx)
		return nil, fmt.Errorf("begin batch: %w", err)
	}
	return tx, nil
}

// write writes the effects and, while the batch holds its locks, the batch's own row
// and what it quarantined.
func (w *ledgerWork) write(ctx context.Context, tx pgx.Tx) error {
	b := w.batch
	var queue pgx.Batch
	if err := w.effects.Apply(ctx, tx, &queue); err != nil {
		return err
	}
	queue.Queue(insertBatch, b.Topic, b.Partition, b.From, b.To, w.effects.Policy())
	queueQuarantined(&queue, b)
	if err := tx.SendBatch(ctx, &queue).Close(); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	return nil
}

// querier is what reads: a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
