package verify

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
)

var (
	//go:embed accounts.sql
	accountsQuery string
	//go:embed batches.sql
	batchesQuery string
	//go:embed decisions.sql
	decisionsQuery string
	//go:embed quarantined.sql
	quarantinedQuery string
)

// recordContents is what the record in Postgres holds at one instant.
type recordContents struct {
	topics    schema.Topics // that are verified
	simulated bool
	books     *Books
	decisions entriesOf
	// Each message in quarantine twice: as the notice by which it is answered, and as it lies
	// on the quarantine topic.
	notices, quarantined entriesOf
	foreign              map[schema.TopicPartition]bool // of another installation in the same database
	fingerprints         fingerprinter
}

// readRecord reads the record in one transaction, which sees one instant, and opens the
// books with it.
func readRecord(ctx context.Context, db *pgxpool.Pool, topics schema.Topics, simulated bool) (*recordContents, error) {
	r := &recordContents{
		topics: topics, simulated: simulated, books: newBooks(topics, simulated),
		decisions: entriesOf{}, notices: entriesOf{}, quarantined: entriesOf{}, foreign: map[schema.TopicPartition]bool{},
	}
	instant := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db, instant, func(tx pgx.Tx) error {
		for _, read := range []func(context.Context, pgx.Tx) error{r.readAccounts, r.readBatchGaps, r.readDecisions, r.readQuarantined} {
			if err := read(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	for p := range r.books.all {
		p.compareOffsets(r.decisions.of(p.at()), r.quarantined.of(p.at()))
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
		opened := r.books.partition(at.Topic, at.Partition)
		opened.First, opened.Next, opened.Skipped = p.First, p.Next, p.Skipped
		opened.Terms = p.Terms
		opened.Consumed = p.Next - p.First - p.Skipped
		r.decisions.of(at).all = make([]entry, 0, p.decisions())
		return nil
	})
	return err
}

// readBatchGaps adds the gaps between the batches.
func (r *recordContents) readBatchGaps(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, batchesQuery)
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

// readDecisions reads every decision.
func (r *recordContents) readDecisions(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, decisionsQuery, r.prefix())
	if err != nil {
		return err
	}
	var at schema.TopicPartition
	var e entry
	_, err = pgx.ForEachRow(rows, []any{&at.Topic, &at.Partition, &e.offset, &e.fingerprint, &e.person, &e.sponsor}, func() error {
		r.decisions.of(at).add(e)
		return nil
	})
	for _, found := range r.decisions {
		found.sort()
	}
	return err
}

// readQuarantined reads every message in quarantine.
func (r *recordContents) readQuarantined(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, quarantinedQuery, r.prefix())
	if err != nil {
		return err
	}
	var cause schema.Position
	var reason schema.Error
	var receivedAt time.Time
	var key []byte
	var digest string
	into := []any{&cause.Topic, &cause.Partition, &cause.Offset, &reason.Rule, &reason.Field, &reason.Detail, &receivedAt, &key, &digest}
	_, err = pgx.ForEachRow(rows, into, func() error {
		notice := schema.NewUnreadable(cause, receivedAt, &reason)
		notice.Simulation = r.simulated
		at := cause.TopicPartition()
		r.notices.of(at).add(entry{
			offset: cause.Offset, fingerprint: r.fingerprints.notice(&notice), notice: &notice,
			parties: parties{person: personOfKey(key)},
		})
		r.quarantined.of(at).add(entry{offset: cause.Offset, fingerprint: r.fingerprints.quarantined(cause.Offset, &reason, receivedAt, digest)})
		return nil
	})
	return err
}

// personOfKey is the person that a message's key names; 0 where it is no Civil ID.
func personOfKey(key []byte) int64 {
	id, err := schema.ParseCivilID(string(key))
	if err != nil {
		return 0
	}
	return int64(id)
}

// prefix begins the names of this installation's topics.
func (r *recordContents) prefix() string { return r.topics.Prefix + "." }

// ours says whether a topic belongs to this installation.
func (r *recordContents) ours(topic string) bool { return strings.HasPrefix(topic, r.prefix()) }

// knows says whether there are books of a partition, or it is another installation's.
func (r *recordContents) knows(at schema.TopicPartition) bool {
	return r.books.find(at) != nil || r.foreign[at]
}

// compareOffsets compares the offsets that were consumed with those that were decided or
// quarantined.
func (p *PartitionBooks) compareOffsets(decisions, quarantined *entries) {
	next := p.First // the first that is not accounted for yet
	for offset := range offsets(decisions, quarantined) {
		switch {
		case offset < p.First || offset >= p.Next:
			p.addGap(GapNotConsumed, offset, offset+1)
			continue
		case offset < next:
			p.addGap(GapTwice, offset, offset+1)
			continue
		case offset > next:
			p.addGap(GapUnaccounted, next, offset)
		}
		next = offset + 1
	}
	if next < p.Next {
		p.addGap(GapUnaccounted, next, p.Next)
	}
}
