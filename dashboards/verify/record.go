package verify

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
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
	prefix      string // of the topics that are verified
	books       *Books
	decisions   map[topicPartition]*entries
	quarantined map[topicPartition]*entries
	foreign     map[topicPartition]bool // of another installation in the same database
}

// readRecord reads the record in one transaction, which sees one instant, and opens the
// books with it.
func readRecord(ctx context.Context, db *pgxpool.Pool, prefix string) (*recordContents, error) {
	r := &recordContents{
		prefix: prefix, books: &Books{Watermark: map[string]int64{}, Strays: []Stray{}},
		decisions: map[topicPartition]*entries{}, quarantined: map[topicPartition]*entries{}, foreign: map[topicPartition]bool{},
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
		return r.readEntries(ctx, tx)
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
	var at topicPartition
	var p PartitionBooks
	into := []any{&at.topic, &at.partition, &p.First, &p.Next, &p.Skipped, &p.Decided, &p.Duplicates, &p.Conflicts, &p.Quarantined}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if !r.ours(at.topic) {
			r.foreign[at] = true
			return nil
		}
		opened := r.books.partition(at.topic, at.partition)
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
	var at topicPartition
	var kind GapKind
	var from, to int64
	_, err = pgx.ForEachRow(rows, []any{&at.topic, &at.partition, &kind, &from, &to}, func() error {
		if r.ours(at.topic) {
			r.books.partition(at.topic, at.partition).addGap(kind, from, to)
		}
		return nil
	})
	return err
}

// readEntries reads every decision and every message in quarantine.
func (r *recordContents) readEntries(ctx context.Context, tx pgx.Tx) (err error) {
	for p := range r.books.all {
		at := topicPartition{p.topic, p.Partition}
		if r.decisions[at], err = readEntriesOf(ctx, tx, decisionsQuery, at, p.decisions()); err != nil {
			return err
		}
		if r.quarantined[at], err = readEntriesOf(ctx, tx, quarantinedQuery, at, p.Quarantined); err != nil {
			return err
		}
	}
	return nil
}

// ours says whether a topic belongs to this installation.
func (r *recordContents) ours(topic string) bool { return strings.HasPrefix(topic, r.prefix+".") }

// knows says whether the record holds anything of a partition, of whichever installation.
func (r *recordContents) knows(at topicPartition) bool {
	return r.decisions[at] != nil || r.foreign[at]
}

// entries are a partition's decisions, or its messages in quarantine, as the record holds
// them: one slice for each field, in the order of the offsets. The last two fields say
// where each was found on the topic on which it is announced.
type entries struct {
	offsets      []int64
	fingerprints []int64
	parties      []parties
	logOffsets   []int64 // its first place on the topic, or notOnTopic
	publishedAt  []int64 // in milliseconds since 1970
}

const notOnTopic = -1

// parties are the person and the sponsor that a decision is about. Columns of the record
// can hold any number.
type parties struct{ person, sponsor int64 }

// readEntriesOf reads what a query finds of a partition, about n entries.
func readEntriesOf(ctx context.Context, tx pgx.Tx, query string, at topicPartition, n int64) (*entries, error) {
	rows, err := tx.Query(ctx, query, at.topic, at.partition)
	if err != nil {
		return nil, err
	}
	e := &entries{offsets: make([]int64, 0, n), fingerprints: make([]int64, 0, n), parties: make([]parties, 0, n)}
	var offset, fingerprint int64
	var who parties
	_, err = pgx.ForEachRow(rows, []any{&offset, &fingerprint, &who.person, &who.sponsor}, func() error {
		e.offsets, e.fingerprints, e.parties = append(e.offsets, offset), append(e.fingerprints, fingerprint), append(e.parties, who)
		return nil
	})
	e.logOffsets, e.publishedAt = slices.Repeat([]int64{notOnTopic}, len(e.offsets)), make([]int64, len(e.offsets))
	return e, err
}

// index returns the index of an offset's entry.
func (e *entries) index(offset int64) (int, bool) {
	// Where no offset is missing, the distance from the first one is the index.
	if n := len(e.offsets); n > 0 {
		if i := offset - e.offsets[0]; i >= 0 && i < int64(n) && e.offsets[i] == offset {
			return int(i), true
		}
	}
	return slices.BinarySearch(e.offsets, offset)
}

// indexFrom returns the index of the first entry at or after an offset.
func (e *entries) indexFrom(offset int64) int {
	i, _ := slices.BinarySearch(e.offsets, offset)
	return i
}
