package main

import (
	"context"
	_ "embed"
	"fmt"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed verify_reached.sql
var verifyReached string

//go:embed verify_highest.sql
var verifyHighest string

//go:embed verify_above.sql
var verifyAbove string

//go:embed verify_ranges.sql
var verifyRanges string

//go:embed verify_rows.sql
var verifyRows string

// reached is how far the analysts' database had come, before the record was read.
type reached struct {
	log     map[int]int64    // by partition, where the decisions topic goes on
	highest map[lane]int64   // the highest cause that is in
	above   map[lane][]int64 // causes beyond where the positions stood
}

// readReached must be asked before the record is read: whatever is in by now, the
// record holds.
func readReached(ctx context.Context, db driver.Conn, positions map[lane]position) (r reached, err error) {
	r = reached{log: map[int]int64{}, highest: map[lane]int64{}, above: map[lane][]int64{}}
	var partition int32
	var offset int64
	err = askRows(ctx, db, verifyReached, []any{&partition, &offset}, func() { r.log[int(partition)] = offset })
	if err != nil {
		return r, err
	}
	var topic string
	err = askRows(ctx, db, verifyHighest, []any{&topic, &partition, &offset}, func() { r.highest[lane{topic, int(partition)}] = offset })
	if err != nil {
		return r, err
	}
	for topic, limits := range byTopic(positions, func(p position) int64 { return p.next }) {
		err = askRows(ctx, db, verifyAbove, []any{&partition, &offset}, func() {
			l := lane{topic, int(partition)}
			r.above[l] = append(r.above[l], offset)
		}, topic, limits.partitions, limits.offsets)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// limits are the offsets of a topic's partitions, as a query takes them.
type limits struct {
	partitions []int32
	offsets    []int64
}

func byTopic[V any](lanes map[lane]V, offset func(V) int64) map[string]*limits {
	topics := map[string]*limits{}
	for l, v := range lanes {
		of := topics[l.topic]
		if of == nil {
			of = &limits{}
			topics[l.topic] = of
		}
		of.partitions, of.offsets = append(of.partitions, int32(l.partition)), append(of.offsets, offset(v))
	}
	return topics
}

// askRows scans every row of a query into the same variables.
func askRows(ctx context.Context, db driver.Conn, query string, into []any, each func(), args ...any) error {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("ask the analysts' database: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("ask the analysts' database: %w", err)
		}
		each()
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask the analysts' database: %w", err)
	}
	return nil
}

// through is the offset before which every decision of a lane must have arrived. They
// arrive in their order, so that is behind the highest that has, and behind the highest
// that lies before where the sink stands on the decisions topic.
func (r *reached) through(l lane, e *entries) (through int64) {
	if highest, some := r.highest[l]; some {
		if _, known := e.find(highest); known {
			through = highest + 1
		}
	}
	stands := r.log[l.partition]
	for i := len(e.offsets) - 1; i >= 0 && e.offsets[i] >= through; i-- {
		if e.logged[i] != unlogged && e.logged[i] < stands {
			return e.offsets[i] + 1
		}
	}
	return through
}

// rangeWidth is how many offsets are compared at once. A year is about a hundred
// ranges, and a range that differs is read in no time.
const rangeWidth = 4096

// tally is what is compared of a range.
type tally struct {
	rows   uint64
	prints int64 // the exclusive or of the fingerprints
}

// compareAnalysts compares a topic's decisions with the rows, range by range, and the
// ranges that differ row by row.
func compareAnalysts(ctx context.Context, db driver.Conn, record *recordBooks, through map[lane]int64) error {
	for topic, of := range byTopic(through, func(offset int64) int64 { return offset }) {
		have, err := readTallies(ctx, db, topic, of)
		if err != nil {
			return err
		}
		for _, partition := range of.partitions {
			l := lane{topic, int(partition)}
			c := rowComparison{db: db, books: record.books.partition(topic, l.partition), entries: record.decisions[l], through: through[l]}
			if err := c.compare(ctx, have[l]); err != nil {
				return err
			}
		}
	}
	return nil
}

func readTallies(ctx context.Context, db driver.Conn, topic string, of *limits) (map[lane]map[int64]tally, error) {
	have := map[lane]map[int64]tally{}
	var partition int32
	var index int64
	var t tally
	err := askRows(ctx, db, verifyRanges, []any{&partition, &index, &t.rows, &t.prints}, func() {
		l := lane{topic, int(partition)}
		if have[l] == nil {
			have[l] = map[int64]tally{}
		}
		have[l][index] = t
	}, int64(rangeWidth), topic, of.partitions, of.offsets)
	return have, err
}

// rowComparison compares one lane with its rows.
type rowComparison struct {
	db      driver.Conn
	books   *partitionBooks
	entries *entries
	through int64
}

func (c *rowComparison) compare(ctx context.Context, have map[int64]tally) error {
	want := map[int64]tally{}
	for i, offset := range c.entries.offsets[:c.entries.from(c.through)] {
		t := want[offset/rangeWidth]
		want[offset/rangeWidth] = tally{t.rows + 1, t.prints ^ c.entries.prints[i]}
	}
	for _, t := range have {
		c.books.ClickHouseRows += int64(t.rows)
	}
	for index := range union(want, have) {
		if want[index] == have[index] {
			continue
		}
		if err := c.compareRows(ctx, index*rangeWidth, min((index+1)*rangeWidth, c.through)); err != nil {
			return err
		}
	}
	return nil
}

func union[K comparable, V any](maps ...map[K]V) map[K]bool {
	keys := map[K]bool{}
	for _, m := range maps {
		for k := range m {
			keys[k] = true
		}
	}
	return keys
}

// compareRows names what differs in a range.
func (c *rowComparison) compareRows(ctx context.Context, from, to int64) error {
	rows := map[int64][]int64{}
	var offset, fingerprint int64
	err := askRows(ctx, c.db, verifyRows, []any{&offset, &fingerprint}, func() { rows[offset] = append(rows[offset], fingerprint) },
		c.books.topic, int32(c.books.Partition), from, to)
	if err != nil {
		return err
	}
	for i := c.entries.from(from); i < c.entries.from(to); i++ {
		offset := c.entries.offsets[i]
		c.compareRow(offset, c.entries.prints[i], rows[offset])
		delete(rows, offset)
	}
	for offset := range rows {
		c.books.find(gapUnknown, offset, offset+1)
	}
	return nil
}

// compareRow compares one decision with the rows that are in of it.
func (c *rowComparison) compareRow(offset, want int64, rows []int64) {
	switch {
	case len(rows) == 0:
		c.books.find(gapMissing, offset, offset+1)
	case slices.ContainsFunc(rows, func(p int64) bool { return p != want }):
		c.books.find(gapDifferent, offset, offset+1)
	case len(rows) > 1:
		c.books.find(gapDoubled, offset, offset+1)
	}
}
