package consumers

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
)

// evenBalancer deals the partitions of all topics to the group's members. Of the members
// that subscribe to the same topics, none has more than one partition more than another,
// over all topics together and in each of them: the library's balancers give the first
// member the larger part of every topic. What it deals depends on its arguments only.
//
// While a topic is being added, some members subscribe to it and others do not yet: it is
// dealt to those that do.
type evenBalancer struct {
	// topics are how many partitions this member found of each. The library gives no
	// partition of any topic where one that a member subscribes to does not exist any more.
	topics map[string]int
}

var _ kafka.GroupBalancer = evenBalancer{}

// ProtocolName tells its members from those that balance otherwise.
func (evenBalancer) ProtocolName() string { return "tajdeed-even" }

// UserData is none.
func (evenBalancer) UserData() ([]byte, error) { return nil, nil }

// AssignGroups deals the partitions. Every member is among those dealt to, if only nothing:
// the library cannot read the assignment of one that is left out.
func (b evenBalancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	dealt, hands := make(kafka.GroupMemberAssignments, len(members)), map[string][]*hand{}
	for _, m := range slices.SortedFunc(slices.Values(members), func(a, b kafka.GroupMember) int { return strings.Compare(a.ID, b.ID) }) {
		dealt[m.ID] = map[string][]int{}
		h := &hand{dealt: dealt[m.ID]}
		for _, topic := range slices.Compact(slices.Sorted(slices.Values(m.Topics))) {
			hands[topic] = append(hands[topic], h)
		}
	}
	counts := b.counts(partitions)
	for _, topic := range slices.Sorted(maps.Keys(hands)) {
		for partition := range counts[topic] {
			slices.MinFunc(hands[topic], func(a, b *hand) int { // the first of those that are equal
				return cmp.Or(len(a.dealt[topic])-len(b.dealt[topic]), a.all-b.all)
			}).add(topic, partition)
		}
	}
	return dealt
}

// hand is what a member is dealt.
type hand struct {
	dealt map[string][]int
	all   int // of all topics
}

func (h *hand) add(topic string, partition int) {
	h.dealt[topic] = append(h.dealt[topic], partition)
	h.all++
}

// counts returns how many partitions each topic has, as the broker or this member knows.
func (b evenBalancer) counts(partitions []kafka.Partition) map[string]int {
	listed := map[string]int{}
	for _, p := range partitions {
		listed[p.Topic]++
	}
	counts := maps.Clone(b.topics)
	if counts == nil {
		counts = map[string]int{}
	}
	maps.Copy(counts, listed)
	return counts
}
