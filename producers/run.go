package producers

import (
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// run is what a call sends to one partition: the messages' indices, in order.
type run struct {
	partition int
	index     []int
}

// byKey splits messages into runs as Java's client chooses partitions: by the Murmur2
// hash of the key over all of them, also those that have no leader at the moment.
func (p *Publisher) byKey(ctx context.Context, topic string, msgs []kafka.Message) ([]run, leaders, error) {
	known, err := p.findLeaders(ctx, topic)
	if err != nil {
		return nil, nil, err
	}
	n := len(known)
	choices, counts := make([]int, n), make([]int, n)
	for i := range choices {
		choices[i] = i
	}
	chosen := make([]int, len(msgs))
	for i := range msgs {
		chosen[i] = kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: msgs[i].Key}, choices...)
		counts[chosen[i]]++
	}
	return runsOf(chosen, counts), known, nil
}

// runsOf sorts message indices by the partition chosen for each, keeping order.
func runsOf(chosen, counts []int) []run {
	index := make([]int, len(chosen))
	runs := make([]run, 0, len(counts))
	place := make([]int, len(counts)) // where a partition's run is, plus one
	for i, partition := range chosen {
		if place[partition] == 0 {
			n := counts[partition]
			runs = append(runs, run{partition: partition, index: index[:0:n]})
			index = index[n:]
			place[partition] = len(runs)
		}
		r := &runs[place[partition]-1]
		r.index = append(r.index, i)
	}
	return runs
}

// byPartition splits messages by the partitions that they name, keeping order.
func byPartition(msgs []kafka.Message) []run {
	var runs []run
	places := make(map[int]int) // where a partition's run is
	for i := range msgs {
		partition := msgs[i].Partition
		place, begun := places[partition]
		if !begun {
			place = len(runs)
			places[partition] = place
			runs = append(runs, run{partition: partition})
		}
		runs[place].index = append(runs[place].index, i)
	}
	return runs
}

// leaders are a topic's partitions, each with the broker that leads it, sorted.
type leaders []metadata.ResponsePartition

// noLeader stands for the leader of a partition that has none or is not known.
const noLeader = -1

// leaderOf returns the id of the broker that leads a partition, or noLeader.
func (l leaders) leaderOf(partition int) int32 {
	at, found := slices.BinarySearchFunc(l, partition, func(p metadata.ResponsePartition, partition int) int {
		return int(p.PartitionIndex) - partition
	})
	if !found {
		return noLeader
	}
	return l[at].LeaderID
}

// findLeaders returns a topic's partitions as the transport knows them. While the
// cluster cannot say, it asks again as often as a batch is sent.
func (p *Publisher) findLeaders(ctx context.Context, topic string) (known leaders, err error) {
	err = p.retry(ctx, topic, func(ctx context.Context) error {
		known, err = p.askLeaders(ctx, topic)
		return err
	})
	return known, err
}

func (p *Publisher) askLeaders(ctx context.Context, topic string) (leaders, error) {
	used := p.connections.Load()
	known, err := p.readLeaders(ctx, topic)
	p.noteAttempt(used, err)
	return known, err
}

func (p *Publisher) readLeaders(ctx context.Context, topic string) (leaders, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.AttemptTimeout)
	defer cancel()
	answer, err := p.transport.RoundTrip(ctx, p.brokers, &metadata.Request{TopicNames: []string{topic}})
	if err != nil {
		return nil, fmt.Errorf("ask for the topic's partitions: %w", err)
	}
	response, ok := answer.(*metadata.Response)
	if !ok {
		return nil, fmt.Errorf("ask for the topic's partitions: answered with %T", answer)
	}
	for _, t := range response.Topics {
		if t.ErrorCode != 0 {
			return nil, kafka.Error(t.ErrorCode)
		}
		if len(t.Partitions) > 0 {
			return t.Partitions, nil
		}
	}
	return nil, kafka.UnknownTopicOrPartition
}

// fitting returns how many of the messages with these indices, from the first on, fit
// into one batch, at least one, and their bytes.
func fitting(msgs []kafka.Message, index []int, maxBytes int) (n, bytes int) {
	for i, at := range index {
		size := messageBytes(&msgs[at])
		if i > 0 && bytes+size > maxBytes {
			return i, bytes
		}
		bytes += size
	}
	return len(index), bytes
}

// messageBytes is the most that a message takes in an uncompressed batch: its own
// fields take 24 bytes at most, and the two lengths of a header 6 at most where it is
// shorter than a megabyte.
func messageBytes(m *kafka.Message) int {
	size := 24 + len(m.Key) + len(m.Value)
	for i := range m.Headers {
		size += 6 + len(m.Headers[i].Key) + len(m.Headers[i].Value)
	}
	return size
}
