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

// topicReader reads a topic from where it stopped, with another client library than the
// stages: a message that kafka-go writes wrongly and reads back as if it were right would
// otherwise not show.
type topicReader struct {
	brokers []string
	topic   string
	next    [partitions]int64 // the next offset, by partition
}

func newTopicReader(brokers []string, topic string) *topicReader {
	return &topicReader{brokers: brokers, topic: topic}
}

// read calls each with every message that has come since the last call, each partition in
// order.
func (r *topicReader) read(ctx context.Context, each func(*kgo.Record)) error {
	ends, err := kafka.Ends(ctx, r.brokers, r.topic)
	if err != nil {
		return err
	}
	from, missing := map[int32]kgo.Offset{}, int64(0)
	for p, next := range r.next {
		from[int32(p)] = kgo.NewOffset().At(next)
		missing += ends[p].Next - next
	}
	if missing == 0 {
		return nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(r.brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: from}))
	if err != nil {
		return fmt.Errorf("read %s: %w", r.topic, err)
	}
	defer client.Close()
	for missing > 0 {
		fetched := client.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("read %s: %w", r.topic, err)
		}
		fetched.EachRecord(func(message *kgo.Record) {
			if message.Offset >= ends[int(message.Partition)].Next {
				return // it came after the ends were asked for: the next call reads it
			}
			missing--
			r.next[message.Partition] = message.Offset + 1
			each(message)
		})
	}
	return nil
}

// announced is what lies on the topics that the stages publish to.
type announced struct {
	topic       string             // of the causes
	decisions   [][]string         // by partition and offset of the cause, the decision's text; "" for none
	highest     []int64            // by partition, the highest cause so far
	quarantined []map[int64]string // by partition and offset of the cause, why it is on the quarantine topic
	wrong       []string
	misordered  []string // causes that were first announced after later ones
}

func newAnnounced(topic string, partitions int) *announced {
	a := &announced{topic: topic, decisions: make([][]string, partitions)}
	for range partitions {
		a.highest = append(a.highest, -1)
		a.quarantined = append(a.quarantined, map[int64]string{})
	}
	return a
}

// addDecision is called with the messages of the decisions topic, each partition in order.
// A decision may come again if it says the same. The first time, it must come before the
// decisions of later causes.
func (a *announced) addDecision(m *kgo.Record) {
	headers := make([]schema.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = schema.Header{Key: h.Key, Value: h.Value}
	}
	d, err := schema.ReadDecision(m.Key, m.Value, headers)
	if err != nil || d.Cause.Partition != int(m.Partition) || d.Cause.Topic != a.topic {
		a.wrong = append(a.wrong, fmt.Sprintf("%s/%d at %d is no decision of its partition: %v", m.Topic, m.Partition, m.Offset, err))
		return
	}
	before, now := a.decisionAt(d.Cause.Partition, d.Cause.Offset), decisionTextOf(&d)
	highest := &a.highest[d.Cause.Partition]
	switch {
	case *before == "" && d.Cause.Offset < *highest:
		a.misordered = append(a.misordered, fmt.Sprintf("%d/%d was first announced after offset %d", d.Cause.Partition, d.Cause.Offset, *highest))
	case *before != "" && *before != now:
		a.wrong = append(a.wrong, fmt.Sprintf("%d/%d was announced as %q and as %q", d.Cause.Partition, d.Cause.Offset, *before, now))
	}
	*before = now
	*highest = max(*highest, d.Cause.Offset)
}

// decisionAt is where the decision on a message is noted.
func (a *announced) decisionAt(partition int, offset int64) *string {
	list := &a.decisions[partition]
	if missing := int(offset) + 1 - len(*list); missing > 0 {
		*list = append(*list, slices.Repeat([]string{""}, missing)...)
	}
	return &(*list)[offset]
}

// addQuarantined is called with the messages of the quarantine topic.
func (a *announced) addQuarantined(m *kgo.Record) {
	origin := map[string]string{}
	for _, h := range m.Headers {
		origin[h.Key] = string(h.Value)
	}
	partition, _ := strconv.Atoi(origin[schema.HeaderOriginPartition])
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	if err != nil || partition != int(m.Partition) || origin[schema.HeaderOriginTopic] != a.topic {
		a.wrong = append(a.wrong, fmt.Sprintf("%s/%d at %d comes from %s/%d at %d: %v",
			m.Topic, m.Partition, m.Offset, origin[schema.HeaderOriginTopic], partition, offset, err))
		return
	}
	a.quarantined[partition][offset] = "quarantined for " + origin[schema.HeaderQuarantineRule]
}
