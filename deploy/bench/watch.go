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

// watchDecisions reads the decisions topic as a channel would, and notes when each
// answer was there.
func (l *openLoop) watchDecisions(ctx context.Context) error {
	topic, from := l.world.log.topics.Decisions, map[int32]kgo.Offset{}
	for partition := range l.partitions {
		from[int32(partition)] = kgo.NewOffset().At(0)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.world.at.Brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
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
		for records := fetched.RecordIter(); !records.Done(); {
			fresh, err := l.answered(records.Next(), now)
			if err != nil {
				return err
			}
			left -= fresh
		}
	}
	return nil
}

var errNoCause = errors.New("a decision does not name its cause")

// answered notes the instant at which an answer was there, and counts it unless it was
// there before.
func (l *openLoop) answered(r *kgo.Record, now time.Duration) (fresh int64, err error) {
	offset, ok := causeOffset(r)
	p := &l.partitions[r.Partition]
	if !ok || offset < 0 || offset >= int64(len(p.decided)) {
		return 0, errNoCause
	}
	if p.decided[offset] > 0 {
		return 0, nil
	}
	p.decided[offset] = now
	return 1, nil
}

// causeOffset reads the last part of a decision's id, which is its cause's position: to
// decode all of it would take time from who is measured.
func causeOffset(r *kgo.Record) (offset int64, ok bool) {
	for _, h := range r.Headers {
		if h.Key == schema.HeaderID {
			offset, err := strconv.ParseInt(string(h.Value[bytes.LastIndexByte(h.Value, '/')+1:]), 10, 64)
			return offset, err == nil
		}
	}
	return 0, false
}

// askRowsEvery is the rest between two questions to ClickHouse.
const askRowsEvery = 50 * time.Millisecond

// selectHighest finds in each partition what is there from an offset on: all before it
// was seen already, so that the question stays small.
const selectHighest = `SELECT cause_partition, max(cause_offset) FROM decision
WHERE cause_topic = $1 AND cause_offset >= $2 GROUP BY cause_partition`

// watchRows asks ClickHouse for the highest cause of each partition, and takes all below
// for there: rows are inserted in the order of their causes.
func (l *openLoop) watchRows(ctx context.Context) error {
	seen := make([]int64, len(l.partitions)) // the offset after the last that is there
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
	rows, err := l.world.analysts.Query(ctx, selectHighest, l.world.log.topics.Submissions, from)
	if err != nil {
		return nil, fmt.Errorf("ask ClickHouse for its rows: %w", err)
	}
	defer rows.Close()
	highest := map[int]int64{}
	for rows.Next() {
		var partition int32
		var offset int64
		if err := rows.Scan(&partition, &offset); err != nil {
			return nil, fmt.Errorf("ask ClickHouse for its rows: %w", err)
		}
		if int(partition) < len(l.partitions) && offset < int64(len(l.partitions[partition].due)) {
			highest[int(partition)] = offset
		}
	}
	return highest, rows.Err()
}
