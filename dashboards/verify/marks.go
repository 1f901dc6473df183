package verify

import (
	"context"
	_ "embed"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed progress.sql
var progressQuery string

//go:embed highest.sql
var highestQuery string

//go:embed above.sql
var aboveQuery string

// reached is how far the analysts' database had come, before the record was read.
type progress struct {
	readUpTo map[int]int64              // by partition, where the decisions topic goes on
	highest  map[topicPartition]int64   // the highest cause that is in
	above    map[topicPartition][]int64 // causes beyond where the positions stood
}

// readReached must be asked before the record is read: whatever is in by now, the
// record holds.
func readProgress(ctx context.Context, db driver.Conn, positions map[topicPartition]position) (r progress, err error) {
	r = progress{readUpTo: map[int]int64{}, highest: map[topicPartition]int64{}, above: map[topicPartition][]int64{}}
	var partition int32
	var offset int64
	err = queryRows(ctx, db, progressQuery, []any{&partition, &offset}, func() { r.readUpTo[int(partition)] = offset })
	if err != nil {
		return r, err
	}
	var topic string
	err = queryRows(ctx, db, highestQuery, []any{&topic, &partition, &offset}, func() { r.highest[topicPartition{topic, int(partition)}] = offset })
	if err != nil {
		return r, err
	}
	for topic, limits := range byTopic(positions, func(p position) int64 { return p.next }) {
		err = queryRows(ctx, db, aboveQuery, []any{&partition, &offset}, func() {
			l := topicPartition{topic, int(partition)}
			r.above[l] = append(r.above[l], offset)
		}, topic, limits.partitions, limits.offsets)
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

// limits are the offsets of a topic's partitions, as a query takes them.
type partitionOffsets struct {
	partitions []int32
	offsets    []int64
}

func byTopic[V any](lanes map[topicPartition]V, offset func(V) int64) map[string]*partitionOffsets {
	topics := map[string]*partitionOffsets{}
	for l, v := range lanes {
		of := topics[l.topic]
		if of == nil {
			of = &partitionOffsets{}
			topics[l.topic] = of
		}
		of.partitions, of.offsets = append(of.partitions, int32(l.partition)), append(of.offsets, offset(v))
	}
	return topics
}

// askRows scans every row of a query into the same variables.
func queryRows(ctx context.Context, db driver.Conn, query string, into []any, each func(), args ...any) error {
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
func (r *progress) limit(l topicPartition, e *entries) (through int64) {
	if highest, some := r.highest[l]; some {
		if _, known := e.index(highest); known {
			through = highest + 1
		}
	}
	stands := r.readUpTo[l.partition]
	for i := len(e.offsets) - 1; i >= 0 && e.offsets[i] >= through; i-- {
		if e.logOffsets[i] != notOnTopic && e.logOffsets[i] < stands {
			return e.offsets[i] + 1
		}
	}
	return through
}
