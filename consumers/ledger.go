package consumers

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// Stage is what a stage does whose effects lie in the record. The ledger adds the
// fence, the quarantine, the order of batches and the announcements.
type Stage interface {
	// Decode reads a batch's messages; it quarantines those that it cannot read.
	Decode(b *Batch) Decoded
	// Effects are those of batches of different partitions, which take effect together
	// and in this order.
	Effects(batches []Decoded) Effects
	// Announced reads again what the positions from one offset to before another of
	// a partition announced, in their order.
	Announced(ctx context.Context, db *pgxpool.Pool, partition int, from, to int64) ([]kafka.Message, error)
}

// Decoded is a batch as its stage has read it.
type Decoded any

// Effects are what batches of a stage do.
type Effects interface {
	// Ask queues what must be known before the effects can be written. Whatever is
	// read in order to decide is locked first, unless no message changes it. It and
	// Apply are called again, from the beginning, after an error.
	Ask(queue *pgx.Batch)
	// Apply writes the batch's effects. What need not be written at once it queues,
	// to be written with what the ledger itself writes.
	Apply(ctx context.Context, tx pgx.Tx, queue *pgx.Batch) error
	// Announcements are the messages that the applied effects of a batch cause, by its
	// index, in the order of their causes. Asked for after the transaction has committed.
	Announcements(batch int) []kafka.Message
	// Policy names the version of the policy that a batch was decided by.
	Policy(batch int) string
}

// Publisher publishes messages to the partitions that they name, in each in their
// order. It tries again by itself; an error means that it gave up some for now.
type Publisher interface {
	PublishPlaced(ctx context.Context, topic string, messages []kafka.Message) error
}

// Ledger is the [Handler] of a stage whose effects lie in the record. A batch, or some
// of different partitions, is one transaction that also moves the partitions' positions,
// and only from where this worker left them.
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

var (
	_ Handler = (*Ledger)(nil)
	_ Joiner  = (*Ledger)(nil)
)

//go:embed open_position.sql
var openPosition string

//go:embed move_positions.sql
var movePositions string

//go:embed note_published.sql
var notePublished string

//go:embed insert_batches.sql
var insertBatches string

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
	return &ledgerWork{ledgerPartition: p, batch: b, decoded: p.ledger.stage.Decode(b)}
}

// ledgerWork is a decoded batch on its way into the record.
type ledgerWork struct {
	*ledgerPartition
	batch     *Batch
	decoded   Decoded
	committed bool
	announced bool
	attempts  int // at announcing it
	// announcements are what it announces, once it is committed.
	announcements []kafka.Message
}

// Apply commits the batch, unless an earlier attempt has, and announces it.
func (w *ledgerWork) Apply(ctx context.Context) error { return ledgerWorks{w}.Apply(ctx) }

// ledgerWorks are batches of different partitions that are applied as one.
type ledgerWorks []*ledgerWork

// Join puts batches into one transaction, in the order of their partitions: in that
// order two workers that both believe to own them ask for the positions.
func (l *Ledger) Join(works []Work) Work {
	joint := make(ledgerWorks, len(works))
	for i, w := range works {
		work, ours := w.(*ledgerWork)
		if !ours {
			panic(fmt.Sprintf("a ledger was given a %T of another handler", w))
		}
		joint[i] = work
	}
	slices.SortFunc(joint, func(a, b *ledgerWork) int { return a.partition - b.partition })
	return joint
}

// Apply commits the batches that no earlier attempt has, and announces them.
func (ws ledgerWorks) Apply(ctx context.Context) error {
	left := slices.DeleteFunc(slices.Clone(ws), func(w *ledgerWork) bool { return w.committed })
	if len(left) > 0 {
		if err := left.commit(ctx); err != nil {
			return err
		}
	}
	return ws.announce(ctx)
}

// commit is the transaction, in as few round trips as it can be. If the answer to its
// COMMIT is lost, the next attempt finds the positions moved and is fenced; whoever opens
// the partitions then reads in the record what became of it.
func (ws ledgerWorks) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	effects := ws.effects()
	tx, err := ws.begin(ctx, effects)
	if err != nil {
		return err
	}
	if err := ws.write(ctx, tx, effects); err != nil {
		_ = tx.Rollback(ctx) // where it fails, the connection is closed
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	for i, w := range ws {
		w.committed, w.noted = true, max(w.noted, w.published)
		w.announcements = effects.Announcements(i)
		w.place(w.announcements)
	}
	return nil
}

func (ws ledgerWorks) effects() Effects {
	decoded := make([]Decoded, len(ws))
	for i, w := range ws {
		decoded[i] = w.decoded
	}
	return ws[0].ledger.stage.Effects(decoded)
}

// begin begins the transaction with the fence and with what the effects ask. A worker
// that is fenced has asked in vain, and lets go of what that locked.
func (ws ledgerWorks) begin(ctx context.Context, effects Effects) (pgx.Tx, error) {
	var queue pgx.Batch
	queue.BeginTx(pgx.TxOptions{})
	ws.queueFence(&queue)
	effects.Ask(&queue)
	results := ws[0].ledger.db.SendBatch(ctx, &queue)
	tx := results.Tx()
	if err := results.Close(); err != nil {
		_ = tx.Rollback(ctx)
		return nil, fmt.Errorf("begin batch: %w", err)
	}
	return tx, nil
}

// queueFence queues the moving of the positions; where one does not move, another worker
// has moved it.
func (ws ledgerWorks) queueFence(queue *pgx.Batch) {
	n := len(ws)
	partitions, from, to := make([]int, n), make([]int64, n), make([]int64, n)
	published, skipped := make([]int64, n), make([]int64, n)
	for i, w := range ws {
		partitions[i], from[i], to[i] = w.partition, w.batch.From, w.batch.To
		published[i], skipped[i] = w.published, w.batch.Skipped()
	}
	queue.Queue(movePositions, ws[0].ledger.topic, partitions, from, to, published, skipped).Query(func(rows pgx.Rows) error {
		moved, err := pgx.CollectRows(rows, pgx.RowTo[int])
		if err != nil || len(moved) == n {
			return err
		}
		return &FencedError{slices.DeleteFunc(partitions, func(p int) bool { return slices.Contains(moved, p) })}
	})
}

// write writes the effects and, while the transaction holds its locks, the batches' own
// rows and what they quarantined.
func (ws ledgerWorks) write(ctx context.Context, tx pgx.Tx, effects Effects) error {
	var queue pgx.Batch
	if err := effects.Apply(ctx, tx, &queue); err != nil {
		return err
	}
	n := len(ws)
	partitions, from, to, policies := make([]int, n), make([]int64, n), make([]int64, n), make([]string, n)
	for i, w := range ws {
		partitions[i], from[i], to[i], policies[i] = w.partition, w.batch.From, w.batch.To, effects.Policy(i)
		queueQuarantined(&queue, w.batch)
	}
	queue.Queue(insertBatches, ws[0].ledger.topic, partitions, from, to, policies)
	if err := tx.SendBatch(ctx, &queue).Close(); err != nil {
		return fmt.Errorf("record batch: %w", err)
	}
	return nil
}

// querier is what reads: a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
