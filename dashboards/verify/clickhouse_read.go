package verify

import (
	"context"
	"fmt"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema"
)

// fingerprints are those of one row: of its content; of its place on the decisions topic,
// with what else every answer says; and of the persons that it is about.
type fingerprints struct{ content, place, persons int64 }

// tally is what is compared of a range of offsets: the number of rows, and the exclusive
// or of their fingerprints, which does not depend on their order.
type tally struct {
	rows uint64
	fingerprints
}

// add adds a row.
func (t *tally) add(row fingerprints) {
	t.rows++
	t.content ^= row.content
	t.place ^= row.place
	t.persons ^= row.persons
}

// tallies are those of a partition's ranges. Range i begins at offset i * rangeWidth.
type tallies map[int64]*tally

// at returns the tally of a range, which it adds if there is none.
func (t tallies) at(index int64) *tally {
	if t[index] == nil {
		t[index] = &tally{}
	}
	return t[index]
}

// readTallies reads the tallies of a topic's partitions, each up to its limit and in the order
// of the limits. Without the key it leaves the persons out.
func (c *clickhouseComparison) readTallies(ctx context.Context, topic string, limits *partitionOffsets) ([]tallies, error) {
	found := make([]tallies, len(limits.partitions))
	for i := range found {
		found[i] = tallies{}
	}
	var partition int32
	var index int64
	var read tally
	err := queryRows(ctx, c.db, c.ranges, []any{&partition, &index, &read.rows, &read.content, &read.place, &read.persons}, func() {
		t := found[slices.Index(limits.partitions, partition)].at(index)
		*t = read
		if c.pseudonyms == nil {
			t.persons = 0
		}
	}, int64(rangeWidth), topic, limits.partitions, limits.offsets)
	return found, err
}

// rowFingerprints are those of all rows of one answer: the least and the greatest of each.
// They are equal where the rows are.
type rowFingerprints struct {
	rows            uint64
	least, greatest fingerprints
}

// readRows reads the rows of one range, by the offsets of their causes.
func (c *clickhouseComparison) readRows(ctx context.Context, at schema.TopicPartition, from, to int64) (map[int64]*rowFingerprints, error) {
	found := map[int64]*rowFingerprints{}
	var offset int64
	var read rowFingerprints
	into := []any{
		&offset, &read.rows, &read.least.content, &read.greatest.content,
		&read.least.place, &read.greatest.place, &read.least.persons, &read.greatest.persons,
	}
	err := queryRows(ctx, c.db, c.rows, into, func() {
		row := read
		found[offset] = &row
	}, at.Topic, int32(at.Partition), from, to)
	return found, err
}

// queryRows runs a query and scans every row into the same variables, then calls each.
func queryRows(ctx context.Context, db driver.Conn, query string, into []any, each func(), args ...any) error {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("query ClickHouse: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("query ClickHouse: %w", err)
		}
		each()
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("query ClickHouse: %w", err)
	}
	return nil
}

// partitionOffsets is an offset for each of a topic's partitions, as a query takes them:
// two arrays of one length.
type partitionOffsets struct {
	partitions []int32
	offsets    []int64
}

// addOffset adds a partition's offset to those of its topic.
func addOffset(topics map[string]*partitionOffsets, at schema.TopicPartition, offset int64) {
	found := topics[at.Topic]
	if found == nil {
		found = &partitionOffsets{}
		topics[at.Topic] = found
	}
	found.partitions, found.offsets = append(found.partitions, int32(at.Partition)), append(found.offsets, offset)
}
