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

// topicReader reads a topic from where it stopped, with another client library than
// the stages have: what kafka-go's gets wrong on both ways would not show.
type topicReader struct {
	brokers []string
	topic   string
	next    map[int32]int64
}

func newTopicReader(brokers []string, topic string, partitions int) *topicReader {
	r := &topicReader{brokers: brokers, topic: topic, next: map[int32]int64{}}
	for p := range partitions {
		r.next[int32(p)] = 0
	}
	return r
}

// read hands over what has come since the last time, each partition in order.
func (r *topicReader) read(ctx context.Context, each func(*kgo.Record)) error {
	ends, err := kafka.Ends(ctx, r.brokers, r.topic)
	if err != nil {
		return err
	}
	from, missing := map[int32]kgo.Offset{}, int64(0)
	for p, next := range r.next {
		from[p] = kgo.NewOffset().At(next)
		missing += ends[int(p)].Next - next
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
		fetched.EachRecord(func(record *kgo.Record) {
			if record.Offset >= ends[int(record.Partition)].Next {
				return // it came since; the next time
			}
			missing--
			r.next[record.Partition] = record.Offset + 1
			each(record)
		})
	}
	return nil
}

// announced is what lies on the topics that the stages publish to.
type announced struct {
	topic     string             // of the causes
	decisions [][]announcement   // by partition and offset of the cause
	highest   []int64            // by partition, the highest cause so far
	aside     []map[int64]string // by partition and offset, why a message is on the quarantine topic
	wrong     []string
	late      []string // causes first seen after later ones
}

// announcement is a decision as it was first announced.
type announcement struct{ text string }

func newAnnounced(topic string, partitions int) *announced {
	a := &announced{topic: topic, decisions: make([][]announcement, partitions)}
	for range partitions {
		a.highest = append(a.highest, -1)
		a.aside = append(a.aside, map[int64]string{})
	}
	return a
}

// decision takes the next message of the decisions topic. A decision may come twice,
// but then it says the same, and the first time it comes in its turn.
func (a *announced) decision(r *kgo.Record) {
	headers := make([]schema.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = schema.Header{Key: h.Key, Value: h.Value}
	}
	d, err := schema.ReadDecision(r.Key, r.Value, headers)
	if err != nil || d.Cause.Partition != int(r.Partition) || d.Cause.Topic != a.topic {
		a.wrong = append(a.wrong, fmt.Sprintf("%s/%d at %d is no decision of its partition: %v", r.Topic, r.Partition, r.Offset, err))
		return
	}
	at := a.at(int(r.Partition), d.Cause.Offset)
	text := decisionText(d.ApplicationID, d.Disposition, d.Outcome, d.Reasons, d.OldExpiry, d.NewExpiry)
	switch {
	case at.text == "" && d.Cause.Offset < a.highest[r.Partition]:
		a.late = append(a.late, fmt.Sprintf("%d/%d was first announced after offset %d", d.Cause.Partition, d.Cause.Offset, a.highest[r.Partition]))
	case at.text != "" && at.text != text:
		a.wrong = append(a.wrong, fmt.Sprintf("%d/%d was announced as %q and as %q", d.Cause.Partition, d.Cause.Offset, at.text, text))
	}
	at.text = text
	a.highest[r.Partition] = max(a.highest[r.Partition], d.Cause.Offset)
}

func (a *announced) at(partition int, offset int64) *announcement {
	list := &a.decisions[partition]
	if missing := int(offset) + 1 - len(*list); missing > 0 {
		*list = append(*list, slices.Repeat([]announcement{{}}, missing)...)
	}
	return &(*list)[offset]
}

// quarantined takes the next message of the quarantine topic.
func (a *announced) quarantined(r *kgo.Record) {
	origin := map[string]string{}
	for _, h := range r.Headers {
		origin[h.Key] = string(h.Value)
	}
	partition, _ := strconv.Atoi(origin[schema.HeaderOriginPartition])
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	if err != nil || partition != int(r.Partition) || origin[schema.HeaderOriginTopic] != a.topic {
		a.wrong = append(a.wrong, fmt.Sprintf("%s/%d at %d comes from %s/%d at %d: %v",
			r.Topic, r.Partition, r.Offset, origin[schema.HeaderOriginTopic], partition, offset, err))
		return
	}
	a.aside[partition][offset] = "quarantined for " + origin[schema.HeaderQuarantineRule]
}
