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

//go:embed positions.sql
var positionsQuery string

//go:embed accounts.sql
var accountsQuery string

//go:embed gaps.sql
var gapsQuery string

//go:embed outside.sql
var outsideQuery string

//go:embed batches.sql
var batchesQuery string

//go:embed decisions.sql
var decisionsQuery string

//go:embed quarantined.sql
var quarantinedQuery string

// lane is a partition of a topic.
type topicPartition struct {
	topic     string
	partition int
}

// position is how far a lane has come, before anything else was looked at.
type position struct{ next, published int64 }

func readPositions(ctx context.Context, db *pgxpool.Pool) (map[topicPartition]position, error) {
	rows, err := db.Query(ctx, positionsQuery)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	positions := map[topicPartition]position{}
	var l topicPartition
	var p position
	_, err = pgx.ForEachRow(rows, []any{&l.topic, &l.partition, &p.next, &p.published}, func() error {
		positions[l] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	return positions, nil
}

// recordContents are what the record holds, at one instant.
type recordContents struct {
	prefix      string // of the topics that are verified
	books       *Books
	decisions   map[topicPartition]*entries
	quarantined map[topicPartition]*entries
	foreign     map[topicPartition]bool // of another installation in the same database
}

// readRecord reads the record in one transaction that sees one instant.
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

// ours says whether a topic is this installation's.
func (r *recordContents) ours(topic string) bool { return strings.HasPrefix(topic, r.prefix+".") }

// readAccounts opens the books with what the record counts.
func (r *recordContents) readAccounts(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, accountsQuery)
	if err != nil {
		return err
	}
	var l topicPartition
	var p PartitionBooks
	into := []any{&l.topic, &l.partition, &p.First, &p.Next, &p.Skipped, &p.Decided, &p.Duplicates, &p.Conflicts, &p.Quarantined}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if !r.ours(l.topic) {
			r.foreign[l] = true
			return nil
		}
		opened := r.books.partition(l.topic, l.partition)
		opened.First, opened.Next, opened.Skipped = p.First, p.Next, p.Skipped
		opened.Terms = p.Terms
		opened.Consumed = p.Next - p.First - p.Skipped
		return nil
	})
	return err
}

// readGaps notes what one of the queries for gaps finds.
func (r *recordContents) readGaps(ctx context.Context, tx pgx.Tx, query string) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	var l topicPartition
	var kind GapKind
	var from, to int64
	_, err = pgx.ForEachRow(rows, []any{&l.topic, &l.partition, &kind, &from, &to}, func() error {
		if r.ours(l.topic) {
			r.books.partition(l.topic, l.partition).addGap(kind, from, to)
		}
		return nil
	})
	return err
}

// readEntries reads every decision and every message in quarantine.
func (r *recordContents) readEntries(ctx context.Context, tx pgx.Tx) (err error) {
	for p := range r.books.all {
		l := topicPartition{p.topic, p.Partition}
		if r.decisions[l], err = readEntriesOf(ctx, tx, decisionsQuery, l, p.decisions()); err != nil {
			return err
		}
		if r.quarantined[l], err = readEntriesOf(ctx, tx, quarantinedQuery, l, p.Quarantined); err != nil {
			return err
		}
	}
	return nil
}

// entries are what the record holds of a lane, in the order of their offsets, and
// where it was found on the topic that it is announced on.
type entries struct {
	offsets      []int64
	fingerprints []int64 // fingerprints
	parties      []parties
	logOffsets   []int64 // the first place on the topic; unlogged where there is none
	publishedAt  []int64 // when it was published, in milliseconds since 1970
}

const notOnTopic = -1

// parties are whom a decision is about. The record may hold any number.
type parties struct{ person, sponsor int64 }

func readEntriesOf(ctx context.Context, tx pgx.Tx, query string, l topicPartition, n int64) (*entries, error) {
	rows, err := tx.Query(ctx, query, l.topic, l.partition)
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

// find returns the index of an offset's entry.
func (e *entries) index(offset int64) (int, bool) {
	// Without gaps, and with most, it is near where it would be without any.
	if n := len(e.offsets); n > 0 {
		if i := offset - e.offsets[0]; i >= 0 && i < int64(n) && e.offsets[i] == offset {
			return int(i), true
		}
	}
	return slices.BinarySearch(e.offsets, offset)
}

// from is the index of the first entry at or after an offset.
func (e *entries) indexFrom(offset int64) int {
	i, _ := slices.BinarySearch(e.offsets, offset)
	return i
}
