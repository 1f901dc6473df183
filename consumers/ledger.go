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
	// Announced reads again what the positions from one offset to before another of a
	// partition announced, as [Effects.Announcements].
	Announced(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]kafka.Message, error)
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
	// the order of their causes. The Offset of each is its cause's; which topic and partition
	// it goes to, the ledger knows. They are asked for after the transaction has committed.
	Announcements(batch int) []kafka.Message
	// Policy names the version of the policy that a batch was decided by.
	Policy(batch int) string
}

// Publisher publishes messages to the topics and partitions that they name, in each
// partition in their order. It tries again by itself; an error means that it gave up some
// for now.
//
// An error may tell which, by FailedPartitions() []schema.TopicPartition: in it the partition
// -1 stands for any of the topic, and the topic "" for any.
type Publisher interface {
	PublishPlaced(ctx context.Context, messages []kafka.Message) error
}

// Ledger is the [Handler] of a stage whose effects lie in Postgres. A batch, or some
// of different partitions, is one transaction that also moves the partitions' positions,
// and only from where this worker left them.
//
// Each message is answered on its channel's decisions topic, in its partition and in the
// order of the messages: by what the stage announces, or by a notice that it was quarantined.
type Ledger struct {
	config    LedgerConfig
	stage     Stage
	db        *pgxpool.Pool
	publisher Publisher
}

// LedgerConfig is what a ledger knows of the installation.
type LedgerConfig struct {
	Topics schema.Topics
	// Source is the CloudEvents source of the notices that the ledger itself publishes.
	Source string
	// Simulation is whether the installation is a simulation, which every answer says.
	Simulation bool
}

// NewLedger returns the ledger of a stage that reads channels' topics of submissions.
func NewLedger(config LedgerConfig, stage Stage, db *pgxpool.Pool, publisher Publisher) *Ledger {
	return &Ledger{config: config, stage: stage, db: db, publisher: publisher}
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
	answersTo, ok := l.config.Topics.AnswersTo(a.Topic)
	if !ok {
		return nil, Start{}, fmt.Errorf("no channel submits on topic %s, so nothing can be answered", a.Topic)
	}
	next, published, err := l.openPosition(ctx, a)
	if err != nil {
		return nil, Start{}, fmt.Errorf("open position: %w", err)
	}
	p := &ledgerPartition{ledger: l, at: a.TopicPartition, answersTo: answersTo, published: published, noted: published}
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
	err = l.db.QueryRow(ctx, openPosition, a.Topic, a.Partition, a.LogStart).Scan(&next, &published)
	return next, published, err
}

// ledgerPartition is what the ledger keeps of one partition.
type ledgerPartition struct {
	ledger    *Ledger
	at        schema.TopicPartition
	answersTo string // the topic
	published int64  // everything before it is announced
	noted     int64  // what Postgres knows of that
}

// Idle notes how far the announcements have come.
func (p *ledgerPartition) Idle(ctx context.Context, _ time.Time) error {
	if p.noted == p.published {
		return nil
	}
	if _, err := p.ledger.db.Exec(ctx, notePublished, p.at.Topic, p.at.Partition, p.published); err != nil {
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
	slices.SortFunc(joint, func(a, b *ledgerWork) int { return comparePartitions(a.at, b.at) })
	return joint
}
