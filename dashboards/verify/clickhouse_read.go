package verify

import (
	"context"
	_ "embed"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema"
)

var (
	//go:embed ranges.sql
	rangesQuery string
	//go:embed range_places.sql
	rangePlacesQuery string
	//go:embed rows.sql
	rowsQuery string
	//go:embed row_places.sql
	rowPlacesQuery string
)

// fingerprints are those of one decision: of its content, of its place on the decisions
// topic, and of the persons that it is about.
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

// readTallies reads the tallies of a topic's partitions, each up to its limit. Without the
// key it leaves the persons out.
func (c *clickhouseComparison) readTallies(ctx context.Context, topic string, limits *partitionOffsets) (map[schema.TopicPartition]tallies, error) {
	found := map[schema.TopicPartition]tallies{}
	var partition int32
	var index int64
	current := func() *tally {
		at := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		if found[at] == nil {
			found[at] = tallies{}
		}
		return found[at].at(index)
	}
	var read tally
	args := []any{int64(rangeWidth), topic, limits.partitions, limits.offsets}
	err := queryRows(ctx, c.db, rangesQuery, []any{&partition, &index, &read.rows, &read.content}, func() {
		t := current()
		t.rows, t.content = read.rows, read.content
	}, args...)
	if err != nil {
		return nil, err
	}
	err = queryRows(ctx, c.db, rangePlacesQuery, []any{&partition, &index, &read.place, &read.persons}, func() {
		t := current()
		t.place = read.place
		if c.pseudonyms != nil {
			t.persons = read.persons
		}
	}, args...)
	return found, err
}

// rowFingerprints are those of all rows of one decision.
type rowFingerprints struct{ contents, places, persons []int64 }

// readRows reads the rows of one range, by the offsets of their causes.
func (c *clickhouseComparison) readRows(ctx context.Context, at schema.TopicPartition, from, to int64) (map[int64]*rowFingerprints, error) {
	found := map[int64]*rowFingerprints{}
	var offset int64
	current := func() *rowFingerprints {
		if found[offset] == nil {
			found[offset] = &rowFingerprints{}
		}
		return found[offset]
	}
	var read fingerprints
	args := []any{at.Topic, int32(at.Partition), from, to}
	err := queryRows(ctx, c.db, rowsQuery, []any{&offset, &read.content}, func() {
		row := current()
		row.contents = append(row.contents, read.content)
	}, args...)
	if err != nil {
		return nil, err
	}
	err = queryRows(ctx, c.db, rowPlacesQuery, []any{&offset, &read.place, &read.persons}, func() {
		row := current()
		row.places, row.persons = append(row.places, read.place), append(row.persons, read.persons)
	}, args...)
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
	of := topics[at.Topic]
	if of == nil {
		of = &partitionOffsets{}
		topics[at.Topic] = of
	}
	of.partitions, of.offsets = append(of.partitions, int32(at.Partition)), append(of.offsets, offset)
}
