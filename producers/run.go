package producers

import (
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// A run is what a call sends to one partition: the messages' indices, in order.
type run struct {
	partition int
	index     []int
}

// byKey shares messages out as Java's client does: by the Murmur2 hash of the key
// over all partitions, also those that have no leader right now.
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
	slot := make([]int, len(counts)) // where a partition's run is, plus one
	for i, partition := range chosen {
		if slot[partition] == 0 {
			n := counts[partition]
			runs = append(runs, run{partition: partition, index: index[:0:n]})
			index = index[n:]
			slot[partition] = len(runs)
		}
		r := &runs[slot[partition]-1]
		r.index = append(r.index, i)
	}
	return runs
}

// byPartition shares messages out by the partitions that they name, keeping order.
func byPartition(msgs []kafka.Message) []run {
	var runs []run
	places := make(map[int]int) // of the partitions' runs
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

// noLeader stands for the leader of a partition that has none, or isn't known.
const noLeader = -1

// of returns the id of the broker that leads a partition, or noLeader.
func (l leaders) of(partition int) int32 {
	at, found := slices.BinarySearchFunc(l, partition, func(p metadata.ResponsePartition, partition int) int {
		return int(p.PartitionIndex) - partition
	})
	if !found {
		return noLeader
	}
	return l[at].LeaderID
}

// findLeaders returns a topic's partitions, from what the transport knows; it asks
// again, as a send does, while the cluster can't tell.
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
	p.learn(used, err)
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

// head says how many of the messages with these indices a broker takes in one
// batch, at least one, and their bytes.
func head(msgs []kafka.Message, index []int, maxBytes int) (n, bytes int) {
	for i, at := range index {
		size := recordBytes(&msgs[at])
		if i > 0 && bytes+size > maxBytes {
			return i, bytes
		}
		bytes += size
	}
	return len(index), bytes
}

// recordBytes is the most that a message takes in an uncompressed batch. A
// record's own fields are at most 24 bytes, the lengths of a header's at most 6
// where it is shorter than a megabyte.
func recordBytes(m *kafka.Message) int {
	size := 24 + len(m.Key) + len(m.Value)
	for i := range m.Headers {
		size += 6 + len(m.Headers[i].Key) + len(m.Headers[i].Value)
	}
	return size
}
