package demo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	client "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// publishedByTopic counts what was published, by topic.
type publishedByTopic struct {
	mu     sync.Mutex
	counts map[string]int64
}

// through returns a publisher that publishes as another one does and counts what was
// acknowledged.
func (p *publishedByTopic) through(publisher simulate.Publisher) simulate.Publisher {
	return countingPublisher{publisher, p}
}

func (p *publishedByTopic) of(topic string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[topic]
}

func (p *publishedByTopic) add(messages []client.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts == nil {
		p.counts = map[string]int64{}
	}
	for i := range messages {
		p.counts[messages[i].Topic]++
	}
}

type countingPublisher struct {
	simulate.Publisher
	counts *publishedByTopic
}

// Publish publishes messages and counts them.
func (p countingPublisher) Publish(ctx context.Context, messages []client.Message) error {
	err := p.Publisher.Publish(ctx, messages)
	if err == nil {
		p.counts.add(messages)
	}
	return err
}

// answers counts the answers to a run's messages. It reads the decisions topics from where
// they ended before the run, as a channel would. It does not decode the answers: verify
// does.
type answers struct {
	*tally
	begin []int64 // by topic and partition: where the decisions topic ended before the run
}

func (a *tally) newAnswers(ctx context.Context) (*answers, error) {
	begin, err := a.ends(ctx)
	return &answers{tally: a, begin: begin}, err
}

// ends is where the decisions topics end, by topic and partition.
func (a *tally) ends(ctx context.Context) (all []int64, err error) {
	for _, topic := range a.topics {
		name, _ := a.installation.topics.AnswersTo(topic)
		ends, err := kafka.Ends(ctx, a.installation.at.Brokers, name)
		if err != nil {
			return nil, err
		}
		for partition := range a.partitions {
			all = append(all, ends[partition].Next)
		}
	}
	return all, nil
}

// count returns, by topic of submissions, how many of the run's messages have an answer.
func (a *answers) count(ctx context.Context) (map[string]int64, error) {
	ends, err := a.ends(ctx)
	if err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	answered := make([]map[int64]bool, len(ends)) // by topic and partition, the offsets of the causes
	err = a.read(ctx, ends, func(topic, partition int, m *kgo.Record) {
		at := a.place(topic, partition)
		offset, ours := a.causeOf(topic, partition, m)
		if !ours || offset < a.from[at] || answered[at][offset] {
			return
		}
		if answered[at] == nil {
			answered[at] = map[int64]bool{}
		}
		answered[at][offset] = true
		counts[a.topics[topic]]++
	})
	return counts, err
}

// read calls each with what lies on the decisions topics between where they ended before
// the run and the given ends.
func (a *answers) read(ctx context.Context, ends []int64, each func(topic, partition int, m *kgo.Record)) error {
	from, names, unfinished := map[string]map[int32]kgo.Offset{}, make([]string, len(a.topics)), 0
	for topic, submissions := range a.topics {
		names[topic], _ = a.installation.topics.AnswersTo(submissions)
		for partition := range a.partitions {
			if at := a.place(topic, partition); a.begin[at] < ends[at] {
				if from[names[topic]] == nil {
					from[names[topic]] = map[int32]kgo.Offset{}
				}
				from[names[topic]][int32(partition)] = kgo.NewOffset().At(a.begin[at])
				unfinished++
			}
		}
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(a.installation.at.Brokers...), kgo.ConsumePartitions(from))
	if err != nil {
		return fmt.Errorf("read the decisions topics: %w", err)
	}
	defer reader.Close()
	for unfinished > 0 {
		fetched := reader.PollFetches(ctx)
		if err := fetched.Err(); err != nil {
			return fmt.Errorf("read the decisions topics: %w", err)
		}
		fetched.EachRecord(func(m *kgo.Record) {
			topic := slices.Index(names, m.Topic)
			last := ends[a.place(topic, int(m.Partition))] - 1
			if m.Offset > last {
				return
			}
			each(topic, int(m.Partition), m)
			if m.Offset == last {
				unfinished--
			}
		})
	}
	return nil
}

// causeOf reads the offset of an answer's cause from the event's id, which is the cause's
// position. An answer to a message of another partition is none of this one's.
func (a *answers) causeOf(topic, partition int, m *kgo.Record) (offset int64, ours bool) {
	for _, h := range m.Headers {
		if h.Key == schema.HeaderID {
			text, found := strings.CutPrefix(string(h.Value), fmt.Sprintf("%s/%d/", a.topics[topic], partition))
			offset, err := strconv.ParseInt(text, 10, 64)
			return offset, found && err == nil
		}
	}
	return 0, false
}
