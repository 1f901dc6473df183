package renewals

import (
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
)

// placement checks whether the keys of a batch's messages choose the partition that the
// messages lie in, as Java's client would. One that lies elsewhere was published with another
// partitioner. It is decided all the same, but it has no order with the others of its
// resident, some of which lie where they belong.
type placement struct {
	partition int
	choices   []int // all partitions of the topic
	misplaced int
}

func newPlacement(b *consumers.Batch) placement {
	p := placement{partition: b.Partition, choices: make([]int, b.Partitions)}
	for i := range p.choices {
		p.choices[i] = i
	}
	return p
}

// check counts a key that chooses another partition.
func (p *placement) check(key []byte) {
	if len(p.choices) > 0 && (kafka.Murmur2Balancer{}).Balance(kafka.Message{Key: key}, p.choices...) != p.partition {
		p.misplaced++
	}
}

// countMisplaced adds to the metric of the topic's channel.
func (s *Stage) countMisplaced(topic string, misplaced int) {
	if misplaced > 0 {
		channel, _ := s.config.Topics.SubmissionsChannel(topic)
		s.metrics.misplaced.WithLabelValues(string(channel)).Add(float64(misplaced))
	}
}
