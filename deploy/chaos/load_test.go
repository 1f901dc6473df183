package chaos

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// messagesOf are messages of n people on a topic, each with another key.
func messagesOf(n int, topic string) []kafka.Message {
	messages := make([]kafka.Message, n)
	for i := range messages {
		messages[i] = kafka.Message{Topic: topic, Key: []byte(strconv.Itoa(i))}
	}
	return messages
}

// divertAll returns the messages that were not held back.
func divertAll(n *newcomers, messages []kafka.Message) (passed []kafka.Message) {
	for i := range messages {
		if !n.divert(&messages[i]) {
			passed = append(passed, messages[i])
		}
	}
	return passed
}

func topicsOf(messages []kafka.Message) map[string]int {
	topics := map[string]int{}
	for _, m := range messages {
		topics[m.Topic]++
	}
	return topics
}

// Newcomers' messages wait for the channel that is added, go to it in their order, and to
// nothing else in that round.
func TestNewcomersApplyByTheAddedChannelOnly(t *testing.T) {
	t.Parallel()
	const people = 600
	var n newcomers
	n.begin(1, true)
	first := divertAll(&n, messagesOf(people, "own"))
	held := people - len(first)
	if held < people/newcomerGroups/3 || held > people/newcomerGroups*3 || len(n.release()) != 0 {
		t.Fatalf("%d of %d are held back, and released before there is a channel", held, people)
	}
	if !n.claim() || n.claim() || !n.open("added") {
		t.Error("not one strike adds the channel")
	}
	if again := divertAll(&n, messagesOf(people, "own")); len(again) != len(first) {
		t.Error("a newcomer's message overtakes those that are held back")
	}
	released := n.release()
	if topics := topicsOf(released); topics["added"] != 2*held || len(topics) != 1 {
		t.Errorf("%d messages were held back, released are %v", 2*held, topics)
	}
	if !slices.Equal(released[0].Key, released[held].Key) {
		t.Error("they are released in another order")
	}
	if topics := topicsOf(divertAll(&n, messagesOf(people, "own"))); topics["added"] != held || topics["own"] != people-held {
		t.Errorf("with the channel there, %d newcomers apply by %v", held, topics)
	}
	if left := n.end(); len(left) != 0 {
		t.Errorf("%d are left at the end", len(left))
	}
}

// Where no channel was added, newcomers apply by their own at the end; a channel that comes
// after that is none of theirs.
func TestNewcomersWithoutAChannel(t *testing.T) {
	t.Parallel()
	const people = 600
	var n newcomers
	n.begin(1, true)
	passed := divertAll(&n, messagesOf(people, "own"))
	if left := n.end(); len(left)+len(passed) != people || topicsOf(left)["own"] != len(left) {
		t.Errorf("%d passed, %v at the end", len(passed), topicsOf(left))
	}
	if n.open("added") || n.claim() {
		t.Error("a channel is opened for newcomers after the end")
	}
	n.begin(2, false)
	if all := divertAll(&n, messagesOf(people, "own")); len(all) != people {
		t.Errorf("%d of %d in a round without a new channel", len(all), people)
	}
}

// Garbage goes to one partition, once a round, and is what was published before.
func TestGarbage(t *testing.T) {
	t.Parallel()
	var g garbage
	g.begin(partitions + 3)
	for _, expect := range []simulate.Expectation{
		{Disposition: schema.DispositionFirst}, {Rule: schema.RuleOversize}, {Rule: schema.RuleNotJSON}, {Rule: schema.RuleBadUTF8},
	} {
		g.keep(&kafka.Message{Value: []byte(expect.Rule)}, &expect)
	}
	if g.due() {
		t.Error("garbage is due as the round begins")
	}
	if g.began = time.Now().Add(-garbageAfter - time.Second); !g.due() {
		t.Error("garbage is never due")
	}
	sent := g.take("flooded")
	if len(sent) != garbageMessages || g.due() || len(g.take("flooded")) != 0 {
		t.Errorf("%d messages, and again in the same round", len(sent))
	}
	for i := range sent {
		value := schema.Rule(sent[i].Value)
		if sent[i].Topic != "flooded" || sent[i].Partition != 3 || value != schema.RuleNotJSON && value != schema.RuleBadUTF8 {
			t.Fatalf("%s of %s/%d", value, sent[i].Topic, sent[i].Partition)
		}
	}
}
