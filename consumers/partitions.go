package consumers

import (
	"cmp"
	"fmt"
	"strings"

	"tajdeed/schema"
)

// comparePartitions orders partitions by topic and number.
func comparePartitions(a, b schema.TopicPartition) int {
	return cmp.Or(strings.Compare(a.Topic, b.Topic), a.Partition-b.Partition)
}

// partitionsOf returns the partitions that items are about.
func partitionsOf[T any](items []T, partition func(T) schema.TopicPartition) []schema.TopicPartition {
	out := make([]schema.TopicPartition, len(items))
	for i := range items {
		out[i] = partition(items[i])
	}
	return out
}

// partitionList is written by topic: "submissions.counter/0,3 submissions.portal/1".
type partitionList []schema.TopicPartition

// String writes partitions of a topic that follow one another with the topic's name once.
func (l partitionList) String() string {
	var s strings.Builder
	for i, p := range l {
		switch {
		case i > 0 && l[i-1].Topic == p.Topic:
			fmt.Fprintf(&s, ",%d", p.Partition)
		case i > 0:
			fmt.Fprintf(&s, " %s", p)
		default:
			fmt.Fprint(&s, p)
		}
	}
	return s.String()
}
