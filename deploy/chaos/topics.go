package chaos

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// topicsReader reads topics from where it stopped, with another client library than the
// stages: a message that kafka-go writes wrongly and reads back as if it were right would
// otherwise not show.
type topicsReader struct {
	brokers []string
	topics  []string
	next    map[schema.TopicPartition]int64 // the next offset
}

func newTopicsReader(brokers []string, topics ...string) *topicsReader {
	return &topicsReader{brokers: brokers, topics: topics, next: map[schema.TopicPartition]int64{}}
}

// read calls each with every message that has come since the last call, each partition in
// its order.
func (r *topicsReader) read(ctx context.Context, each func(*kgo.Record)) error {
	ends, from, missing, err := r.missing(ctx)
	if err != nil || missing == 0 {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.ConsumePartitions(from))
	if err != nil {
		return fmt.Errorf("read topics: %w", err)
	}
	defer client.Close()
	for missing > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("read topics: %w", err)
		}
		fetched.EachRecord(func(m *kgo.Record) {
			if m.Offset >= ends[placeOf(m)] {
				return // it came after the ends were asked for: the next call reads it
			}
			missing--
			r.next[placeOf(m)] = m.Offset + 1
			each(m)
		})
	}
	return nil
}

// missing returns the partitions' ends, where to read on, and how many messages lie between.
func (r *topicsReader) missing(ctx context.Context) (ends map[schema.TopicPartition]int64, from map[string]map[int32]kgo.Offset, n int64, err error) {
	ends, from = map[schema.TopicPartition]int64{}, map[string]map[int32]kgo.Offset{}
	for _, topic := range r.topics {
		found, err := kafka.Ends(ctx, r.brokers, topic)
		if err != nil {
			return nil, nil, 0, err
		}
		from[topic] = map[int32]kgo.Offset{}
		for partition, end := range found {
			at := schema.TopicPartition{Topic: topic, Partition: partition}
			ends[at] = end.Next
			n += end.Next - r.next[at]
			from[topic][int32(partition)] = kgo.NewOffset().At(r.next[at])
		}
	}
	return ends, from, n, nil
}

func placeOf(m *kgo.Record) schema.TopicPartition {
	return schema.TopicPartition{Topic: m.Topic, Partition: int(m.Partition)}
}

// announced is what lies on the topics that the stages publish to.
type announced struct {
	topics      schema.Topics
	answers     map[schema.TopicPartition][]string         // by the cause's offset, the answer's text; "" for none
	highest     map[schema.TopicPartition]int64            // the highest cause so far
	quarantined map[schema.TopicPartition]map[int64]string // by the cause's offset, why it is on the quarantine topic
	wrong       []string
	misordered  []string // causes that were first answered after later ones
}

func newAnnounced(topics schema.Topics) *announced {
	return &announced{
		topics: topics, answers: map[schema.TopicPartition][]string{}, highest: map[schema.TopicPartition]int64{},
		quarantined: map[schema.TopicPartition]map[int64]string{},
	}
}

// addAnswer is called with the messages of the decisions topics, each partition in order. An
// answer may come again if it says the same. The first time, it must come before the answers
// to later causes.
func (a *announced) addAnswer(m *kgo.Record) {
	headers := make([]schema.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = schema.Header{Key: h.Key, Value: h.Value}
	}
	answer, err := schema.ReadAnswer(m.Key, m.Value, headers)
	var cause schema.Position
	var now string
	switch answer.Type {
	case schema.TypeDecision:
		cause, now = answer.Decision.Cause, decisionTextOf(&answer.Decision)
	case schema.TypeUnreadable:
		cause, now = answer.Unreadable.Cause, unreadableText(answer.Unreadable.Rule)
	}
	if on, _ := a.topics.AnswersTo(cause.Topic); err != nil || on != m.Topic || cause.Partition != int(m.Partition) {
		a.wrong = append(a.wrong, fmt.Sprintf("%s at %d is no answer of its partition: %v", placeOf(m), m.Offset, err))
		return
	}
	a.noteAnswer(cause, now)
}

func (a *announced) noteAnswer(cause schema.Position, now string) {
	before, at := a.answerTo(cause), cause.TopicPartition()
	switch {
	case *before == "" && cause.Offset < a.highest[at]:
		a.misordered = append(a.misordered, fmt.Sprintf("%s/%d was first answered after offset %d", at, cause.Offset, a.highest[at]))
	case *before != "" && *before != now:
		a.wrong = append(a.wrong, fmt.Sprintf("%s/%d was answered by %q and by %q", at, cause.Offset, *before, now))
	}
	*before = now
	a.highest[at] = max(a.highest[at], cause.Offset)
}

// answerTo is where the answer to a message is noted.
func (a *announced) answerTo(cause schema.Position) *string {
	list := a.answers[cause.TopicPartition()]
	if missing := int(cause.Offset) + 1 - len(list); missing > 0 {
		list = append(list, slices.Repeat([]string{""}, missing)...)
		a.answers[cause.TopicPartition()] = list
	}
	return &list[cause.Offset]
}

// addQuarantined is called with the messages of the quarantine topic.
func (a *announced) addQuarantined(m *kgo.Record) {
	origin := map[string]string{}
	for _, h := range m.Headers {
		origin[h.Key] = string(h.Value)
	}
	partition, _ := strconv.Atoi(origin[schema.HeaderOriginPartition])
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	at := schema.TopicPartition{Topic: origin[schema.HeaderOriginTopic], Partition: partition}
	if _, ours := a.topics.SubmissionsChannel(at.Topic); err != nil || partition != int(m.Partition) || !ours {
		a.wrong = append(a.wrong, fmt.Sprintf("%s at %d comes from %s at %d: %v", placeOf(m), m.Offset, at, offset, err))
		return
	}
	if a.quarantined[at] == nil {
		a.quarantined[at] = map[int64]string{}
	}
	a.quarantined[at][offset] = unreadableText(schema.Rule(origin[schema.HeaderQuarantineRule]))
}
