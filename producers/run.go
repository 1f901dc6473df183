package producers

import (
	"context"
	"fmt"
	"iter"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// A run is what a call sends to one partition: the messages' indices, in order.
type run struct {
	partition int
	index     []int
}

func oneRun(partition, n int) run {
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return run{partition: partition, index: index}
}

// byKey shares messages out as Java's client does: by the Murmur2 hash of the key
// over all partitions, also those that have no leader right now.
func (p *Publisher) byKey(ctx context.Context, topic string, msgs []kafka.Message) ([]run, error) {
	n, err := p.partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	choices, counts := make([]int, n), make([]int, n)
	for i := range choices {
		choices[i] = i
	}
	chosen := make([]int, len(msgs))
	for i := range msgs {
		chosen[i] = kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: msgs[i].Key}, choices...)
		counts[chosen[i]]++
	}
	return runsOf(chosen, counts), nil
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

// partitions returns the number of a topic's partitions, from what the transport
// knows; it asks again, as a send does, while the cluster can't tell.
func (p *Publisher) partitions(ctx context.Context, topic string) (n int, err error) {
	err = p.retry(ctx, topic, func(ctx context.Context) error {
		n, err = p.askPartitions(ctx, topic)
		return err
	})
	return n, err
}

func (p *Publisher) askPartitions(ctx context.Context, topic string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.AttemptTimeout)
	defer cancel()
	answer, err := p.transport.RoundTrip(ctx, p.client.Addr, &metadata.Request{TopicNames: []string{topic}})
	if err != nil {
		return 0, fmt.Errorf("ask for the topic's partitions: %w", err)
	}
	response, ok := answer.(*metadata.Response)
	if !ok {
		return 0, fmt.Errorf("ask for the topic's partitions: answered with %T", answer)
	}
	for _, t := range response.Topics {
		if t.ErrorCode != 0 {
			return 0, kafka.Error(t.ErrorCode)
		}
		if len(t.Partitions) > 0 {
			return len(t.Partitions), nil
		}
	}
	return 0, kafka.UnknownTopicOrPartition
}

// batches cuts a run into pieces that a broker takes in one request.
func (r run) batches(msgs []kafka.Message, maxBytes int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		from, bytes := 0, 0
		for i, at := range r.index {
			size := recordBytes(&msgs[at])
			if i > from && bytes+size > maxBytes {
				if !yield(r.index[from:i]) {
					return
				}
				from, bytes = i, 0
			}
			bytes += size
		}
		yield(r.index[from:])
	}
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
