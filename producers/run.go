package producers

import (
	"context"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// run is what a call sends to one partition: the messages' indices, in order.
type run struct {
	topic     int // among the call's topics
	partition int // unknownPartition where the topic's partitions are not known
	index     []int
}

// unknownPartition stands for the partition of messages whose keys could choose none.
const unknownPartition = -1

// splitByKey splits the messages into runs as Java's client chooses partitions: by the
// Murmur2 hash of the key over all of the topic's, also those that have no leader at the
// moment. The messages of a topic whose partitions are not known are one run.
//
// Each partition of each topic has a slot of its own, and a topic that is not known has
// one.
func (c *call) splitByKey() {
	slots, most := 0, 0
	for t := range c.topics {
		c.topics[t].firstSlot = slots
		slots += max(len(c.topics[t].leaders), 1)
		most = max(most, len(c.topics[t].leaders))
	}
	choices := make([]int, most)
	for i := range choices {
		choices[i] = i
	}
	chosen, counts := make([]int, len(c.msgs)), make([]int, slots)
	for i := range c.msgs {
		t := &c.topics[c.topicOf(i)]
		slot := t.firstSlot
		if n := len(t.leaders); n > 0 {
			slot += kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: c.msgs[i].Key}, choices[:n]...)
		}
		chosen[i] = slot
		counts[slot]++
	}
	c.runs = runsOf(chosen, counts)
	for i := range c.runs {
		c.place(&c.runs[i])
	}
}

// place replaces the slot of a run by its topic and its partition.
func (c *call) place(r *run) {
	slot := r.partition
	r.topic = c.topicOf(r.index[0])
	if t := &c.topics[r.topic]; len(t.leaders) > 0 {
		r.partition = slot - t.firstSlot
	} else {
		r.partition = unknownPartition
	}
}

// runsOf sorts message indices by the slot chosen for each, keeping order.
func runsOf(chosen, counts []int) []run {
	index := make([]int, len(chosen))
	runs := make([]run, 0, len(counts))
	place := make([]int, len(counts)) // where a slot's run is, plus one
	for i, slot := range chosen {
		if place[slot] == 0 {
			n := counts[slot]
			runs = append(runs, run{partition: slot, index: index[:0:n]})
			index = index[n:]
			place[slot] = len(runs)
		}
		r := &runs[place[slot]-1]
		r.index = append(r.index, i)
	}
	return runs
}

// splitByPlace splits the messages by the topics and partitions that they name, keeping
// order.
func (c *call) splitByPlace() {
	type place struct{ topic, partition int }
	places := make(map[place]int) // where a partition's run is
	for i := range c.msgs {
		at := place{c.topicOf(i), c.msgs[i].Partition}
		n, begun := places[at]
		if !begun {
			n = len(c.runs)
			places[at] = n
			c.runs = append(c.runs, run{topic: at.topic, partition: at.partition})
		}
		c.runs[n].index = append(c.runs[n].index, i)
	}
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

// learnLeaders makes one attempt to learn the partitions of the call's topics, which the
// transport mostly knows. A topic that it cannot learn of is left without.
func (p *Publisher) learnLeaders(ctx context.Context, c *call) {
	names := make([]string, len(c.topics))
	for t := range c.topics {
		names[t] = c.topics[t].name
	}
	answer, err := p.askLeaders(ctx, names...)
	if err != nil {
		return
	}
	for t := range c.topics {
		c.topics[t].leaders, _ = leadersIn(answer, names[t])
	}
}

// findLeaders returns a topic's partitions. While the cluster cannot say, it asks again as
// often as a batch is sent.
func (p *Publisher) findLeaders(ctx context.Context, t *topicMetrics) (known leaders, err error) {
	err = p.retry(ctx, t, func(ctx context.Context) error {
		answer, err := p.askLeaders(ctx, t.name)
		if err != nil {
			return err
		}
		known, err = leadersIn(answer, t.name)
		p.noteFailure(err)
		return err
	})
	return known, err
}

// leadersIn returns a topic's partitions by the brokers' answer. An error here is about the
// topic and not about the connection, which is therefore kept: the topics that are well use
// it too.
func leadersIn(answer *metadata.Response, topic string) (leaders, error) {
	for i := range answer.Topics {
		switch t := &answer.Topics[i]; {
		case t.Name != topic:
		case t.ErrorCode != 0:
			return nil, kafka.Error(t.ErrorCode)
		case len(t.Partitions) > 0:
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
