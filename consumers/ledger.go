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

// Stage is what a stage does whose effects lie in Postgres. The ledger adds the fence,
// the quarantine, the order of batches and the announcements.
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
	// LookUp queues the queries for what must be known to decide. Whatever is read in order
	// to decide is locked first, unless no message changes it. After an error LookUp and
	// Apply are called again, from the beginning.
	LookUp(queue *pgx.Batch)
	// Apply decides, and writes the batches' effects. What need not be written at once it
	// queues, to be written with what the ledger itself writes.
	Apply(ctx context.Context, tx pgx.Tx, queue *pgx.Batch) error
	// Announcements are the messages that the effects of a batch cause, by its index, in
	// the order of their causes. They are asked for after the transaction has committed.
	Announcements(batch int) []kafka.Message
	// Policy names the version of the policy that a batch was decided by.
	Policy(batch int) string
}

// Publisher publishes messages to the partitions that they name, in each in their
// order. It tries again by itself; an error means that it gave up some for now.
type Publisher interface {
	PublishPlaced(ctx context.Context, topic string, messages []kafka.Message) error
}

// Ledger is the [Handler] of a stage whose effects lie in Postgres. A batch, or some
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

var (
	//go:embed open_position.sql
	openPosition string
	//go:embed note_published.sql
	notePublished string
)

// Open reads where the partition stands, and announces what the worker before this
// one applied and may not have announced.
func (l *Ledger) Open(ctx context.Context, a Assignment) (Partition, Start, error) {
	next, published, err := l.openPosition(ctx, a)
	if err != nil {
		return nil, Start{}, fmt.Errorf("open position: %w", err)
	}
	p := &ledgerPartition{ledger: l, partition: a.Partition, published: published, noted: published}
	if err := p.announceAgain(ctx, next); err != nil {
		return nil, Start{}, err
	}
	return p, Start{Next: next}, p.Idle(ctx, time.Time{})
}

// openPosition reads up to where a partition is applied and up to where it is announced.
// One that nobody has read before stands where its log begins.
func (l *Ledger) openPosition(ctx context.Context, a Assignment) (next, published int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	err = l.db.QueryRow(ctx, openPosition, l.topic, a.Partition, a.LogStart).Scan(&next, &published)
	return next, published, err
}

// ledgerPartition is what the ledger keeps of one partition.
type ledgerPartition struct {
	ledger    *Ledger
	partition int
	published int64 // everything before it is announced
	noted     int64 // what Postgres knows of that
}

// takeoverPage is how many offsets are read and announced at a time when a partition is
// taken over.
const takeoverPage = 10_000

// announceAgain announces what lies between the announced and the applied.
func (p *ledgerPartition) announceAgain(ctx context.Context, next int64) error {
	for p.published < next {
		to := min(next, p.published+takeoverPage)
		announced, err := p.ledger.stage.Announced(ctx, p.ledger.db, p.partition, p.published, to)
		if err != nil {
			return fmt.Errorf("read announcements: %w", err)
		}
		quarantined, err := readQuarantined(ctx, p.ledger.db, p.ledger.topic, p.partition, p.published, to)
		if err != nil {
			return fmt.Errorf("read quarantined: %w", err)
		}
		p.place(announced)
		if err := p.ledger.publishTo(ctx, p.ledger.announceTo, announced); err != nil {
			return err
		}
		if err := p.ledger.publishTo(ctx, p.ledger.quarantine, quarantined); err != nil {
			return err
		}
		p.published = to
	}
	return nil
}

// place puts announcements into the partition of their causes.
func (p *ledgerPartition) place(messages []kafka.Message) {
	for i := range messages {
		messages[i].Partition = p.partition
	}
}

// Idle notes how far the announcements have come.
func (p *ledgerPartition) Idle(ctx context.Context, _ time.Time) error {
	if p.noted == p.published {
		return nil
	}
	if _, err := p.ledger.db.Exec(ctx, notePublished, p.ledger.topic, p.partition, p.published); err != nil {
		return fmt.Errorf("note what is announced: %w", err)
	}
	p.noted = p.published
	return nil
}

// Prepare decodes a batch.
func (p *ledgerPartition) Prepare(b *Batch) Work {
	return &ledgerWork{ledgerPartition: p, batch: b, decoded: p.ledger.stage.Decode(b)}
}

// Join puts batches into one transaction, in the order of their partitions: in that
// order two workers that both believe to own them ask for the positions.
func (l *Ledger) Join(works []Work) Work {
	joint := make(jointWork, len(works))
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
