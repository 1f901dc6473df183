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

//go:embed published.sql
var verifyPublished string

//go:embed positions.sql
var verifyPositions string

//go:embed gaps.sql
var verifyGaps string

//go:embed outside.sql
var verifyOutside string

//go:embed batches.sql
var verifyBatches string

//go:embed decisions.sql
var verifyDecisions string

//go:embed quarantined.sql
var verifyQuarantined string

// lane is a partition of a topic.
type topicPartition struct {
	topic     string
	partition int
}

// position is how far a lane has come, before anything else was looked at.
type position struct{ next, published int64 }

func readPositions(ctx context.Context, db *pgxpool.Pool) (map[topicPartition]position, error) {
	rows, err := db.Query(ctx, verifyPublished)
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

// recordBooks are what the record holds, at one instant.
type recordBooks struct {
	prefix      string // of the topics that are verified
	books       *Books
	decisions   map[topicPartition]*entries
	quarantined map[topicPartition]*entries
	others      map[topicPartition]bool // of another installation in the same database
}

// readRecord reads the record in one transaction that sees one instant.
func readRecord(ctx context.Context, db *pgxpool.Pool, prefix string) (*recordBooks, error) {
	r := &recordBooks{
		prefix: prefix, books: &Books{Watermark: map[string]int64{}, Strays: []Stray{}},
		decisions: map[topicPartition]*entries{}, quarantined: map[topicPartition]*entries{}, others: map[topicPartition]bool{},
	}
	instant := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, db, instant, func(tx pgx.Tx) error {
		if err := r.readAccounts(ctx, tx); err != nil {
			return err
		}
		for _, query := range []string{verifyGaps, verifyOutside, verifyBatches} {
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
func (r *recordBooks) ours(topic string) bool { return strings.HasPrefix(topic, r.prefix+".") }

// readAccounts opens the books with what the record counts.
func (r *recordBooks) readAccounts(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, verifyPositions)
	if err != nil {
		return err
	}
	var l topicPartition
	var p PartitionBooks
	into := []any{&l.topic, &l.partition, &p.First, &p.Next, &p.Skipped, &p.Decided, &p.Duplicates, &p.Conflicts, &p.Quarantined}
	_, err = pgx.ForEachRow(rows, into, func() error {
		if !r.ours(l.topic) {
			r.others[l] = true
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
func (r *recordBooks) readGaps(ctx context.Context, tx pgx.Tx, query string) error {
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return err
	}
	var l topicPartition
	var kind GapKind
	var from, to int64
	_, err = pgx.ForEachRow(rows, []any{&l.topic, &l.partition, &kind, &from, &to}, func() error {
		if r.ours(l.topic) {
			r.books.partition(l.topic, l.partition).find(kind, from, to)
		}
		return nil
	})
	return err
}

// readEntries reads every decision and every message in quarantine.
func (r *recordBooks) readEntries(ctx context.Context, tx pgx.Tx) (err error) {
	for p := range r.books.all {
		l := topicPartition{p.topic, p.Partition}
		if r.decisions[l], err = selectEntries(ctx, tx, verifyDecisions, l, p.decisions()); err != nil {
			return err
		}
		if r.quarantined[l], err = selectEntries(ctx, tx, verifyQuarantined, l, p.Quarantined); err != nil {
			return err
		}
	}
	return nil
}

// entries are what the record holds of a lane, in the order of their offsets, and
// where it was found on the topic that it is announced on.
type entries struct {
	offsets  []int64
	prints   []int64 // fingerprints
	parties  []parties
	logged   []int64 // the first place on the topic; unlogged where there is none
	loggedAt []int64 // when it was published, in milliseconds since 1970
}

const unlogged = -1

// parties are whom a decision is about. The record may hold any number.
type parties struct{ person, sponsor int64 }

func selectEntries(ctx context.Context, tx pgx.Tx, query string, l topicPartition, n int64) (*entries, error) {
	rows, err := tx.Query(ctx, query, l.topic, l.partition)
	if err != nil {
		return nil, err
	}
	e := &entries{offsets: make([]int64, 0, n), prints: make([]int64, 0, n), parties: make([]parties, 0, n)}
	var offset, fingerprint int64
	var who parties
	_, err = pgx.ForEachRow(rows, []any{&offset, &fingerprint, &who.person, &who.sponsor}, func() error {
		e.offsets, e.prints, e.parties = append(e.offsets, offset), append(e.prints, fingerprint), append(e.parties, who)
		return nil
	})
	e.logged, e.loggedAt = slices.Repeat([]int64{unlogged}, len(e.offsets)), make([]int64, len(e.offsets))
	return e, err
}

// find returns the index of an offset's entry.
func (e *entries) find(offset int64) (int, bool) {
	// Without gaps, and with most, it is near where it would be without any.
	if n := len(e.offsets); n > 0 {
		if i := offset - e.offsets[0]; i >= 0 && i < int64(n) && e.offsets[i] == offset {
			return int(i), true
		}
	}
	return slices.BinarySearch(e.offsets, offset)
}

// from is the index of the first entry at or after an offset.
func (e *entries) from(offset int64) int {
	i, _ := slices.BinarySearch(e.offsets, offset)
	return i
}
