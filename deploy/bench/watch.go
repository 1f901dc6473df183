package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/deploy/local"
	"tajdeed/schema"
)

// watchDecisions reads the decisions topics as the channels would, and notes when each
// decision was there.
func (l *openLoop) watchDecisions(ctx context.Context) error {
	from, causes := map[string]map[int32]kgo.Offset{}, map[string]string{}
	for at := range l.partitions {
		topic, _ := l.installation.log.topics.AnswersTo(at.Topic)
		if from[topic] == nil {
			from[topic], causes[topic] = map[int32]kgo.Offset{}, at.Topic
		}
		from[topic][int32(at.Partition)] = kgo.NewOffset().At(0)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.installation.at.Brokers...), kgo.ConsumePartitions(from))
	if err != nil {
		return fmt.Errorf("read the decisions topics: %w", err)
	}
	defer reader.Close()
	for left := l.readable; left > 0; {
		fetched := reader.PollFetches(ctx)
		now := time.Since(l.began)
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("read the decisions topics: %w", err)
		}
		for messages := fetched.RecordIter(); !messages.Done(); {
			m := messages.Next()
			fresh, err := l.noteDecided(m, schema.TopicPartition{Topic: causes[m.Topic], Partition: int(m.Partition)}, now)
			if err != nil {
				return err
			}
			left -= fresh
		}
	}
	return nil
}

var errNoCause = errors.New("a decision does not name its cause")

// noteDecided notes when a decision on a partition's message was there, and returns 1. It
// returns 0 where it was there before, and for the answer to a message that cannot be read.
func (l *openLoop) noteDecided(m *kgo.Record, at schema.TopicPartition, now time.Duration) (fresh int64, err error) {
	offset, ok := causeOffset(m)
	p := l.partitions[at]
	if !ok || offset < 0 || offset >= int64(len(p.decided)) {
		return 0, errNoCause
	}
	if p.decided[offset] > 0 || !p.readable[offset] {
		return 0, nil
	}
	p.decided[offset] = now
	return 1, nil
}

// causeOffset reads the last part of a decision's id, which is the position of its cause.
// Decoding the whole decision would take processor time from what is measured.
func causeOffset(m *kgo.Record) (offset int64, ok bool) {
	for _, h := range m.Headers {
		if h.Key == schema.HeaderID {
			offset, err := strconv.ParseInt(string(h.Value[bytes.LastIndexByte(h.Value, '/')+1:]), 10, 64)
			return offset, err == nil
		}
	}
	return 0, false
}

// askRowsEvery is how long to pause between two queries to ClickHouse.
const askRowsEvery = 50 * time.Millisecond

// selectHighest finds the highest cause in each partition.
const selectHighest = `SELECT cause_topic, cause_partition, max(cause_offset) FROM decision
WHERE cause_topic IN ($1) GROUP BY cause_topic, cause_partition`

// watchRows asks ClickHouse for the highest cause of each partition. All rows below it are
// there too, because rows are inserted in the order of their causes.
func (l *openLoop) watchRows(ctx context.Context) error {
	seen := map[schema.TopicPartition]int64{} // the offset after the highest that is there
	for left := l.readable; left > 0; {
		highest, err := l.askHighest(ctx)
		if err != nil {
			return err
		}
		now := time.Since(l.began)
		for at, cause := range highest {
			p := l.partitions[at]
			for offset := seen[at]; offset <= cause; offset++ {
				p.queryable[offset] = now
				if p.readable[offset] {
					left--
				}
			}
			seen[at] = max(seen[at], cause+1)
		}
		if local.Pause(ctx, askRowsEvery); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// askHighest asks for the highest causes of the partitions that messages are for.
func (l *openLoop) askHighest(ctx context.Context) (map[schema.TopicPartition]int64, error) {
	topics := map[string]bool{}
	for at := range l.partitions {
		topics[at.Topic] = true
	}
	rows, err := l.installation.clickhouse.Query(ctx, selectHighest, slices.Collect(maps.Keys(topics)))
	if err != nil {
		return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
	}
	defer rows.Close()
	highest := map[schema.TopicPartition]int64{}
	for rows.Next() {
		var at schema.TopicPartition
		var partition int32
		var offset int64
		if err := rows.Scan(&at.Topic, &partition, &offset); err != nil {
			return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
		}
		at.Partition = int(partition)
		if p := l.partitions[at]; p != nil && offset < int64(len(p.due)) {
			highest[at] = offset
		}
	}
	return highest, rows.Err()
}
