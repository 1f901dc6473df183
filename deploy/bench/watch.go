package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/deploy/local"
	"tajdeed/schema"
)

// askAnswersEvery is how long to wait for further answers before looking whether all that
// was sent is answered.
const askAnswersEvery = 100 * time.Millisecond

// watchAnswers reads the decisions topics as the channels would, and notes when each answer
// was there. It ends when all is sent and answered.
func (l *openLoop) watchAnswers(ctx context.Context) error {
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.installation.at.Brokers...), kgo.ConsumePartitions(l.answersFromStart()))
	if err != nil {
		return fmt.Errorf("read the decisions topics: %w", err)
	}
	defer reader.Close()
	for answered := int64(0); l.senders.Load() > 0 || answered < l.sent.Load(); {
		polling, stop := context.WithTimeout(ctx, askAnswersEvery)
		fetched := reader.PollFetches(polling)
		stop()
		now := time.Since(l.began)
		if err := fetched.Err(); err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return fmt.Errorf("read the decisions topics: %w", err)
		}
		for messages := fetched.RecordIter(); !messages.Done(); {
			fresh, err := l.noteAnswer(messages.Next(), now)
			if err != nil {
				return err
			}
			answered += fresh
		}
	}
	return nil
}

// answersFromStart are the decisions topics of the channels that send.
func (l *openLoop) answersFromStart() map[string]map[int32]kgo.Offset {
	from := map[string]map[int32]kgo.Offset{}
	for topic := range l.channels {
		answers, _ := l.installation.log.topics.AnswersTo(topic)
		from[answers] = map[int32]kgo.Offset{}
		for partition := range schema.DefaultPartitions {
			from[answers][int32(partition)] = kgo.NewOffset().At(0)
		}
	}
	return from
}

var errNoCause = errors.New("an answer does not name its cause")

// noteAnswer notes when an answer was there, and returns 1, or 0 where it was there before.
func (l *openLoop) noteAnswer(m *kgo.Record, now time.Duration) (fresh int64, err error) {
	topics := l.installation.log.topics
	channel, _ := topics.DecisionsChannel(m.Topic)
	p := l.partitions[schema.TopicPartition{Topic: topics.Submissions(channel), Partition: int(m.Partition)}]
	offset, ok := causeOffset(m)
	if !ok || p == nil || offset < 0 || offset >= int64(len(p.decided)) {
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

// selectHighest finds the highest cause in each partition, of each topic from an offset on.
// All below it was seen before, so the query stays small.
const selectHighest = `SELECT cause_topic, cause_partition, max(cause_offset) FROM decision
WHERE has($1::Array(String), cause_topic) AND cause_offset >= arrayElement($2::Array(Int64), indexOf($1::Array(String), cause_topic))
GROUP BY cause_topic, cause_partition`

// watchRows asks ClickHouse for the highest cause of each partition. All rows below it are
// there too, because rows are inserted in the order of their causes.
func (l *openLoop) watchRows(ctx context.Context) error {
	seen := map[schema.TopicPartition]int64{} // the offset after the highest that is there
	for left := l.readable; left > 0; {
		highest, err := l.askHighest(ctx, seen)
		if err != nil {
			return err
		}
		now := time.Since(l.began)
		for at, cause := range highest {
			p := l.partitions[at]
			for ; seen[at] <= cause; seen[at]++ {
				p.queryable[seen[at]] = now
				if p.readable[seen[at]] {
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

// unseen returns the topics with the lowest offset of each that may not be there yet.
func (l *openLoop) unseen(seen map[schema.TopicPartition]int64) (topics []string, from []int64) {
	for topic := range l.channels {
		lowest := int64(math.MaxInt64)
		for partition := range schema.DefaultPartitions {
			at := schema.TopicPartition{Topic: topic, Partition: partition}
			if p := l.partitions[at]; p != nil && seen[at] < int64(len(p.due)) {
				lowest = min(lowest, seen[at])
			}
		}
		topics, from = append(topics, topic), append(from, lowest)
	}
	return topics, from
}

func (l *openLoop) askHighest(ctx context.Context, seen map[schema.TopicPartition]int64) (map[schema.TopicPartition]int64, error) {
	topics, from := l.unseen(seen)
	rows, err := l.installation.clickhouse.Query(ctx, selectHighest, topics, from)
	if err != nil {
		return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
	}
	defer rows.Close()
	highest := map[schema.TopicPartition]int64{}
	for rows.Next() {
		var topic string
		var partition int32
		var offset int64
		if err := rows.Scan(&topic, &partition, &offset); err != nil {
			return nil, fmt.Errorf("query the rows of ClickHouse: %w", err)
		}
		at := schema.TopicPartition{Topic: topic, Partition: int(partition)}
		if p := l.partitions[at]; p != nil && offset < int64(len(p.due)) {
			highest[at] = offset
		}
	}
	return highest, rows.Err()
}
