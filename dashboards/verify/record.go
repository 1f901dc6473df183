package verify

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

var (
	//go:embed accounts.sql
	accountsQuery string
	//go:embed gaps.sql
	gapsQuery string
	//go:embed outside.sql
	outsideQuery string
	//go:embed batches.sql
	batchesQuery string
	//go:embed decisions.sql
	decisionsQuery string
	//go:embed quarantined.sql
	quarantinedQuery string
)

// recordContents is what the record in Postgres holds at one instant.
type recordContents struct {
	topics    schema.Topics
	simulated bool
	books     *Books

	decisions entriesOf
	// Each message in quarantine is announced twice: its channel is told so by a notice, and
	// its bytes go to the quarantine topic.
	notices     entriesOf
	quarantined entriesOf

	recorded map[schema.TopicPartition]bool // partitions of which the record holds anything
	foreign  map[schema.TopicPartition]bool // likewise, of another installation in the same database
}

// readRecord reads the record in one transaction, which sees one instant, and opens the
// books with it.
func readRecord(ctx context.Context, db *pgxpool.Pool, topics schema.Topics, simulated bool) (*recordContents, error) {
	r := &recordContents{
		topics: topics, simulated: simulated, books: &Books{Watermark: map[string]int64{}, Strays: []Stray{}, Simulation: simulated},
		decisions: entriesOf{}, notices: entriesOf{}, quarantined: entriesOf{},
		recorded: map[schema.TopicPartition]bool{}, foreign: map[schema.TopicPartition]bool{},
	}
	instant := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db, instant, func(tx pgx.Tx) error {
		if err := r.readAccounts(ctx, tx); err != nil {
			return err
		}
		for _, query := range []string{gapsQuery, outsideQuery, batchesQuery} {
			if err := r.readGaps(ctx, tx, query); err != nil {
				return err
			}
		}
		if err := r.readDecisions(ctx, tx); err != nil {
			return err
		}
		return r.readQuarantined(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return r, nil
}

// readAccounts opens the books of each partition with the record's counts.
func (r *recordContents) readAccounts(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, accountsQuery)
	if err != nil {
		return err
	}
	var at schema.TopicPartition
	var p PartitionBooks
	into := []any{&at.Topic, &at.Partition, &p.First, &p.Next, &p.Skipped, &p.Decided, &p.Duplicates, &p.Conflicts, &p.Quarantined}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if !r.ours(at.Topic) {
			r.foreign[at] = true
			return nil
		}
		r.recorded[at] = true
		opened := r.books.partition(at.Topic, at.Partition)
		opened.First, opened.Next, opened.Skipped = p.First, p.Next, p.Skipped
		opened.Terms = p.Terms
		opened.Consumed = p.Next - p.First - p.Skipped
		return nil
	})
	return err
}

// readGaps adds the gaps that one of the queries finds.
func (r *recordContents) readGaps(ctx context.Context, tx pgx.Tx, query string) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	var at schema.TopicPartition
	var kind GapKind
	var from, to int64
	_, err = pgx.ForEachRow(rows, []any{&at.Topic, &at.Partition, &kind, &from, &to}, func() error {
		if r.ours(at.Topic) {
			r.books.partition(at.Topic, at.Partition).addGap(kind, from, to)
		}
		return nil
	})
	return err
}

// readDecisions reads every decision, those of all topics together: the table's key begins
// with the partition.
func (r *recordContents) readDecisions(ctx context.Context, tx pgx.Tx) error {
	topics, partitions := []string{}, map[int]bool{}
	for p := range r.books.all {
		if !slices.Contains(topics, p.topic) {
			topics = append(topics, p.topic)
		}
		partitions[p.Partition] = true
		r.decisions.of(p.at()).all = make([]entry, 0, p.decisions())
	}
	for partition := range partitions {
		rows, err := tx.Query(ctx, decisionsQuery, topics, partition)
		if err != nil {
			return err
		}
		var topic string
		e := entry{logOffset: notOnTopic}
		_, err = pgx.ForEachRow(rows, []any{&topic, &e.offset, &e.fingerprint, &e.person, &e.sponsor}, func() error {
			r.decisions.of(schema.TopicPartition{Topic: topic, Partition: partition}).add(e)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readQuarantined reads every message in quarantine, and makes of each what its channel
// should have been told.
func (r *recordContents) readQuarantined(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, quarantinedQuery)
	if err != nil {
		return err
	}
	var f fingerprinter
	var at schema.Position
	var reason schema.Error
	var receivedAt time.Time
	into := []any{&at.Topic, &at.Partition, &at.Offset, &reason.Rule, &reason.Field, &reason.Detail, &receivedAt}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if !r.ours(at.Topic) {
			return nil
		}
		notice := schema.NewUnreadable(at, receivedAt, &reason)
		notice.Simulation = r.simulated
		r.notices.of(at.TopicPartition()).add(entry{
			offset: at.Offset, fingerprint: f.notice(&notice), logOffset: notOnTopic, rule: reason.Rule, receivedAt: receivedAt,
		})
		r.quarantined.of(at.TopicPartition()).add(entry{
			offset: at.Offset, fingerprint: f.quarantined(at.Offset, string(reason.Rule)), logOffset: notOnTopic,
		})
		return nil
	})
	return err
}

// ours says whether a topic belongs to this installation.
func (r *recordContents) ours(topic string) bool {
	return strings.HasPrefix(topic, r.topics.Prefix+".")
}

// knows says whether the record holds anything of a partition, of whichever installation.
func (r *recordContents) knows(at schema.TopicPartition) bool { return r.recorded[at] || r.foreign[at] }

// entriesOf are entries by the partition of their causes.
type entriesOf map[schema.TopicPartition]*entries

// of returns the entries of a partition, of which there may be none.
func (e entriesOf) of(at schema.TopicPartition) *entries {
	if e[at] == nil {
		e[at] = &entries{}
	}
	return e[at]
}

// entries are a partition's decisions, its notices, or its messages in quarantine, as the
// record holds them, in the order of the offsets.
type entries struct {
	all []entry
	// limit is the offset before which ClickHouse must hold all of them.
	limit int64
}

// entry is one of them, and where it was found on the topic on which it is announced.
type entry struct {
	offset      int64
	fingerprint int64
	parties
	logOffset   int64 // its first place on the topic, or notOnTopic
	publishedAt int64 // in milliseconds since 1970

	// Of a message that cannot be read, what ClickHouse has of it.
	rule       schema.Rule
	receivedAt time.Time
}

const notOnTopic = -1

// parties are the person and the sponsor that a decision is about. Columns of the record
// can hold any number.
type parties struct{ person, sponsor int64 }

func (e *entries) add(one entry) { e.all = append(e.all, one) }

// index returns the index of an offset's entry.
func (e *entries) index(offset int64) (int, bool) {
	// Where no offset is missing, the distance from the first one is the index.
	if n := len(e.all); n > 0 {
		if i := offset - e.all[0].offset; i >= 0 && i < int64(n) && e.all[i].offset == offset {
			return int(i), true
		}
	}
	return slices.BinarySearchFunc(e.all, offset, func(one entry, offset int64) int { return cmp.Compare(one.offset, offset) })
}

// indexFrom returns the index of the first entry at or after an offset.
func (e *entries) indexFrom(offset int64) int {
	i, _ := slices.BinarySearchFunc(e.all, offset, func(one entry, offset int64) int { return cmp.Compare(one.offset, offset) })
	return i
}
