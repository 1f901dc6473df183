package verify

import (
	"context"
	_ "embed"
	"fmt"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"

	"tajdeed/schema/kafka"
)

var (
	//go:embed positions.sql
	positionsQuery string
	//go:embed progress.sql
	progressQuery string
	//go:embed highest.sql
	highestQuery string
	//go:embed beyond.sql
	beyondQuery string
)

// topicPartition is a partition of a topic.
type topicPartition struct {
	topic     string
	partition int
}

// marks are how far each store had come before the record was read.
type marks struct {
	positions  map[topicPartition]position
	progress   progress
	decisions  map[int]kafka.End // by partition of the decisions topic
	quarantine map[int]kafka.End // by partition of the quarantine topic
	committed  map[int]int64     // by partition of the decisions topic: see readCommitted
}

// position is how far a partition has come in the record: the next offset to consume, and
// the offset before which everything was published.
type position struct{ next, published int64 }

// progress is how far ClickHouse has come.
type progress struct {
	// readUpTo is, by partition of the decisions topic, the offset before which the stage
	// analytics has inserted everything.
	readUpTo map[int]int64
	highest  map[topicPartition]int64   // the highest cause of a row
	beyond   map[topicPartition][]int64 // causes of rows at or after the record's position
}

// readMarks reads the marks. The positions come first: see [verifier.verify].
func (v *verifier) readMarks(ctx context.Context) (m marks, err error) {
	if m.positions, err = readPositions(ctx, v.postgres); err != nil {
		return m, err
	}
	if m.progress, err = readProgress(ctx, v.clickhouse, m.positions); err != nil {
		return m, err
	}
	if m.decisions, err = kafka.Ends(ctx, v.brokers, v.topics.Decisions); err != nil {
		return m, err
	}
	if m.quarantine, err = kafka.Ends(ctx, v.brokers, v.topics.Quarantine); err != nil {
		return m, err
	}
	if m.committed, err = v.readCommitted(ctx, len(m.decisions)); err != nil {
		return m, err
	}
	for partition, offset := range m.committed {
		// Nobody can have read beyond the end.
		offset = min(offset, m.decisions[partition].Next)
		m.progress.readUpTo[partition] = max(m.progress.readUpTo[partition], offset)
	}
	return m, nil
}

func readPositions(ctx context.Context, db *pgxpool.Pool) (map[topicPartition]position, error) {
	rows, err := db.Query(ctx, positionsQuery)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	positions := map[topicPartition]position{}
	var at topicPartition
	var p position
	_, err = pgx.ForEachRow(rows, []any{&at.topic, &at.partition, &p.next, &p.published}, func() error {
		positions[at] = p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	return positions, nil
}

// readProgress reads how far ClickHouse has come. It must be called before the record is
// read: the record then holds whatever ClickHouse holds now.
func readProgress(ctx context.Context, db driver.Conn, positions map[topicPartition]position) (progress, error) {
	p := progress{readUpTo: map[int]int64{}, highest: map[topicPartition]int64{}, beyond: map[topicPartition][]int64{}}
	var topic string
	var partition int32
	var offset int64
	err := queryRows(ctx, db, progressQuery, []any{&partition, &offset}, func() { p.readUpTo[int(partition)] = offset })
	if err != nil {
		return p, err
	}
	err = queryRows(ctx, db, highestQuery, []any{&topic, &partition, &offset}, func() {
		p.highest[topicPartition{topic, int(partition)}] = offset
	})
	if err != nil {
		return p, err
	}
	for topic, next := range byTopic(positions, func(p position) int64 { return p.next }) {
		err = queryRows(ctx, db, beyondQuery, []any{&partition, &offset}, func() {
			at := topicPartition{topic, int(partition)}
			p.beyond[at] = append(p.beyond[at], offset)
		}, topic, next.partitions, next.offsets)
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// readCommitted returns the offsets that the group of the stage analytics has committed,
// by partition of the decisions topic. A partition that nobody has read is left out.
func (v *verifier) readCommitted(ctx context.Context, partitions int) (map[int]int64, error) {
	topic := v.topics.Decisions
	request := &client.OffsetFetchRequest{GroupID: v.group, Topics: map[string][]int{}}
	for p := range partitions {
		request.Topics[topic] = append(request.Topics[topic], p)
	}
	kafkaClient := &client.Client{Addr: client.TCP(v.brokers...), Transport: v.transport, Timeout: fetchTimeout}
	// A cluster that has never had a group takes a moment to make its coordinator.
	response, err := backoff.Retry(ctx, func() (*client.OffsetFetchResponse, error) {
		response, err := kafkaClient.OffsetFetch(ctx, request)
		if err == nil {
			err = response.Error
		}
		return response, err
	}, backoff.WithMaxElapsedTime(fetchTimeout))
	if err != nil {
		return nil, fmt.Errorf("read the committed offsets of the group %s: %w", v.group, err)
	}
	committed := map[int]int64{}
	for _, p := range response.Topics[topic] {
		if p.Error == nil && p.CommittedOffset >= 0 {
			committed[p.Partition] = p.CommittedOffset
		}
	}
	return committed, nil
}

// limit is the offset before which ClickHouse must hold every decision of a partition.
// Decisions are inserted in their order. So all must be there up to the highest that is
// there, and up to the last that lies on the decisions topic before where the stage
// analytics has read to.
func (p *progress) limit(at topicPartition, decisions *entries) (limit int64) {
	if highest, ok := p.highest[at]; ok {
		// A row that the record does not know says nothing about the others.
		if _, known := decisions.index(highest); known {
			limit = highest + 1
		}
	}
	readUpTo := p.readUpTo[at.partition]
	for i := len(decisions.offsets) - 1; i >= 0 && decisions.offsets[i] >= limit; i-- {
		if decisions.logOffsets[i] != notOnTopic && decisions.logOffsets[i] < readUpTo {
			return decisions.offsets[i] + 1
		}
	}
	return limit
}
