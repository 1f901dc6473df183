package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/deploy/local"
	"tajdeed/schema"
)

// watchDecisions reads the decisions topic as a channel would, and notes when each decision
// was there.
func (l *openLoop) watchDecisions(ctx context.Context) error {
	topic, from := l.installation.log.topics.Decisions, map[int32]kgo.Offset{}
	for partition := range l.partitions {
		from[int32(partition)] = kgo.NewOffset().At(0)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.installation.at.Brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return fmt.Errorf("read the decisions topic: %w", err)
	}
	defer reader.Close()
	for left := l.readable; left > 0; {
		fetched := reader.PollFetches(ctx)
		now := time.Since(l.began)
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("read the decisions topic: %w", err)
		}
		for messages := fetched.RecordIter(); !messages.Done(); {
			fresh, err := l.noteDecided(messages.Next(), now)
			if err != nil {
				return err
			}
			left -= fresh
		}
	}
	return nil
}

var errNoCause = errors.New("a decision does not name its cause")

// noteDecided notes when a decision was there, and returns 1, or 0 where it was there
// before.
func (l *openLoop) noteDecided(m *kgo.Record, now time.Duration) (fresh int64, err error) {
	offset, ok := causeOffset(m)
	p := &l.partitions[m.Partition]
	if !ok || offset < 0 || offset >= int64(len(p.decided)) {
		return 0, errNoCause
	}
	if p.decided[offset] > 0 {
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

// selectHighest finds the highest cause in each partition from an offset on. All below it
// was seen before, so the query stays small.
const selectHighest = `SELECT cause_partition, max(cause_offset) FROM decision
WHERE cause_topic = $1 AND cause_offset >= $2 GROUP BY cause_partition`

// watchRows asks ClickHouse for the highest cause of each partition. All rows below it are
// there too, because rows are inserted in the order of their causes.
func (l *openLoop) watchRows(ctx context.Context) error {
	seen := make([]int64, len(l.partitions)) // by partition, the offset after the highest that is there
	for left := l.readable; left > 0; {
		highest, err := l.askHighest(ctx, slices.Min(seen))
		if err != nil {
			return err
		}
		now := time.Since(l.began)
		for partition, cause := range highest {
			p := &l.partitions[partition]
			for ; seen[partition] <= cause; seen[partition]++ {
				p.queryable[seen[partition]] = now
				if p.readable[seen[partition]] {
					left--
				}
			}
		}
		if local.Pause(ctx, askRowsEvery); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (l *openLoop) askHighest(ctx context.Context, from int64) (map[int]int64, error) {
	rows, err := l.installation.clickhouse.Query(ctx, selectHighest, l.installation.log.topics.Submissions, from)
	if err != nil {
		return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
	}
	defer rows.Close()
	highest := map[int]int64{}
	for rows.Next() {
		var partition int32
		var offset int64
		if err := rows.Scan(&partition, &offset); err != nil {
			return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
		}
		if int(partition) < len(l.partitions) && offset < int64(len(l.partitions[partition].due)) {
			highest[int(partition)] = offset
		}
	}
	return highest, rows.Err()
}
