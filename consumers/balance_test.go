package consumers

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
)

// member is written "b: x y", with the topics that it subscribes to.
func member(written string) kafka.GroupMember {
	id, topics, _ := strings.Cut(written, ":")
	return kafka.GroupMember{ID: id, Topics: strings.Fields(topics)}
}

// listed are the partitions of topics as a broker lists them.
func listed(topics map[string]int) (partitions []kafka.Partition) {
	for topic, n := range topics {
		for id := range n {
			partitions = append(partitions, kafka.Partition{Topic: topic, ID: id})
		}
	}
	return partitions
}

func TestPartitionsAreDealtEvenly(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		members []string
		topics  map[string]int // as the broker lists them
		known   map[string]int // as the member that deals found them
		want    string
	}{
		{"one topic", []string{"a: x", "b: x"}, map[string]int{"x": 3}, nil, "a[x:0,2] b[x:1]"},
		{"what one has more of one topic, it has less of the next", []string{"a: x y", "b: y x"}, map[string]int{"x": 3, "y": 3}, nil, "a[x:0,2 y:1] b[x:1 y:0,2]"},
		{"fewer partitions than members", []string{"a: x", "b: x", "c: x"}, map[string]int{"x": 2}, nil, "a[x:0] b[x:1] c[]"},
		{"members in any order", []string{"c: x", "a: x", "b: x"}, map[string]int{"x": 3}, nil, "a[x:0] b[x:1] c[x:2]"},
		{"a topic that only one knows yet", []string{"a: x", "b: x y"}, map[string]int{"x": 2, "y": 2}, nil, "a[x:0] b[x:1 y:0,1]"},
		{"the broker lists nothing, for a topic is gone", []string{"a: x y", "b: x y"}, nil, map[string]int{"x": 2, "y": 2}, "a[x:0 y:0] b[x:1 y:1]"},
		{"a topic that has grown", []string{"a: x", "b: x"}, map[string]int{"x": 4}, map[string]int{"x": 2}, "a[x:0,2] b[x:1,3]"},
		{"a topic that is not there", []string{"a: x"}, nil, nil, "a[]"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var members []kafka.GroupMember
			for _, m := range tc.members {
				members = append(members, member(m))
			}
			if got := written(evenBalancer{tc.known}.AssignGroups(members, listed(tc.topics))); got != tc.want {
				t.Errorf("dealt %s, want %s", got, tc.want)
			}
		})
	}
}

// written writes what was dealt: "a[x:0,2 y:1] b[x:1]".
func written(dealt kafka.GroupMemberAssignments) string {
	var members []string
	for id, topics := range dealt {
		var hand []string
		for topic, partitions := range topics {
			hand = append(hand, topic+":"+strings.Trim(strings.ReplaceAll(fmt.Sprint(partitions), " ", ","), "[]"))
		}
		slices.Sort(hand)
		members = append(members, fmt.Sprint(id, hand))
	}
	slices.Sort(members)
	return strings.Join(members, " ")
}

// Whatever topics and members there are, each partition is dealt once, to a member that
// subscribes to its topic; members with the same topics have as many partitions, but for one;
// and so have all that subscribe to a topic, of that topic.
func TestPropertiesOfDealing(t *testing.T) {
	t.Parallel()
	const groups = 2000
	for seed := range uint64(groups) {
		random := rand.New(rand.NewPCG(seed, 0))
		topics := map[string]int{}
		for i := range random.IntN(9) {
			topics[fmt.Sprint("t", i)] = random.IntN(14)
		}
		members := randomMembers(random, topics)
		dealt := evenBalancer{}.AssignGroups(members, listed(topics))
		if fault := faultOfDealing(dealt, members, topics); fault != "" {
			t.Fatalf("group %d: %s: %v of %v to %v", seed, fault, written(dealt), topics, members)
		}
		random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
		if again := (evenBalancer{}).AssignGroups(members, listed(topics)); !reflect.DeepEqual(dealt, again) {
			t.Fatalf("group %d: dealt %s, and in another order of its members %s", seed, written(dealt), written(again))
		}
	}
}

// randomMembers subscribe to all topics, or to those of a moment ago.
func randomMembers(random *rand.Rand, topics map[string]int) (members []kafka.GroupMember) {
	for i := range 1 + random.IntN(8) {
		m := kafka.GroupMember{ID: fmt.Sprint("m", i)}
		for topic := range topics {
			if newest := topic > "t5"; !newest || random.IntN(2) == 0 {
				m.Topics = append(m.Topics, topic)
			}
		}
		members = append(members, m)
	}
	return members
}

func faultOfDealing(dealt kafka.GroupMemberAssignments, members []kafka.GroupMember, topics map[string]int) string {
	most, least := map[string]int{}, map[string]int{} // by the topics subscribed to, and by topic
	count := func(key string, n int) {
		if _, seen := least[key]; !seen {
			least[key] = n
		}
		most[key], least[key] = max(most[key], n), min(least[key], n)
	}
	owners, subscribed := map[string]int{}, map[string]bool{}
	for _, m := range members {
		hand, isMember := dealt[m.ID]
		if !isMember {
			return m.ID + " is left out"
		}
		all := 0
		for topic, partitions := range hand {
			if !slices.Contains(m.Topics, topic) {
				return m.ID + " does not subscribe to " + topic
			}
			all += len(partitions)
			for _, p := range partitions {
				owners[fmt.Sprint(topic, "/", p)]++
			}
		}
		slices.Sort(m.Topics)
		count(fmt.Sprint(m.Topics), all)
		for _, topic := range m.Topics {
			subscribed[topic] = true
			count(topic, len(hand[topic]))
		}
	}
	for key := range most {
		if most[key]-least[key] > 1 {
			return fmt.Sprintf("of %s one has %d and another %d", key, most[key], least[key])
		}
	}
	for topic := range subscribed {
		for p := range topics[topic] {
			if n := owners[fmt.Sprint(topic, "/", p)]; n != 1 {
				return fmt.Sprintf("%s/%d is dealt %d times", topic, p, n)
			}
		}
	}
	return ""
}
