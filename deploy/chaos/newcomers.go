package chaos

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/deploy/local"
	"tajdeed/schema"
	kafkatopics "tajdeed/schema/kafka"
)

// newcomers are residents who apply, in a round in which a channel is added, by that channel
// and no other: what one person sends by two channels has no order. Their messages are held
// back until the channel is there, and then published to it at once. In the next round they
// apply by their own channels again, and all is decided by then that they sent before.
type newcomers struct {
	group uint32 // of newcomerGroups

	mu      sync.Mutex
	active  bool // a channel is to be added in this round, or was
	claimed bool // by the strike that adds it
	topic   string
	held    []kafka.Message
}

// newcomerGroups are into how many groups the residents are divided. Each in turn are the
// newcomers.
const newcomerGroups = 12

func (n *newcomers) begin(round int, active bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.group, n.active, n.claimed, n.topic = uint32(round%newcomerGroups), active, false, ""
}

// divert changes the topic of a newcomer's message, or holds it back, which is true.
func (n *newcomers) divert(m *kafka.Message) (held bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	hash := fnv.New32a()
	_, _ = hash.Write(m.Key)
	switch {
	case !n.active || hash.Sum32()%newcomerGroups != n.group:
		return false
	case n.topic != "" && len(n.held) == 0:
		m.Topic = n.topic
		return false
	}
	n.held = append(n.held, *m)
	return true
}

// claim says whether the round's channel is still to be added, and that somebody does.
func (n *newcomers) claim() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	free := n.active && !n.claimed
	n.claimed = true
	return free
}

// open says that there is a channel for the newcomers. False says that they have applied by
// their own channels already.
func (n *newcomers) open(topic string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.active {
		n.topic = topic
	}
	return n.active
}

// release returns what was held back, once there is the channel for it.
func (n *newcomers) release() []kafka.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.topic == "" {
		return nil
	}
	released := slices.Clone(n.held)
	n.held = nil
	for i := range released {
		released[i].Topic = n.topic
	}
	return released
}

// end returns what is still held back. Where no channel was added, it goes by the newcomers'
// own channels.
func (n *newcomers) end() []kafka.Message {
	released := n.release()
	n.mu.Lock()
	defer n.mu.Unlock()
	released = append(released, n.held...)
	n.held, n.active = nil, false
	return released
}

// addChannelWithin is how long a strike tries to add a channel: the broker may be away.
const addChannelWithin = 15 * time.Second

// addChannel adds a channel, to which messages are published at once. False says that the
// round has one already.
func (e *experiment) addChannel(ctx context.Context) (bool, error) {
	if !e.load.newcomers.claim() {
		return false, nil
	}
	channel := schema.Channel(fmt.Sprintf("added_%d", e.rounds))
	ctx, cancel := context.WithTimeout(ctx, addChannelWithin)
	defer cancel()
	create := kafkatopics.Config{Brokers: e.at.Brokers, Topics: e.topics, Channels: []schema.Channel{channel}, Partitions: partitions}
	_, err := kafkatopics.Create(ctx, create)
	for err != nil && local.Pause(ctx, time.Second) {
		_, err = kafkatopics.Create(ctx, create)
	}
	if err != nil {
		return false, err
	}
	e.mu.Lock()
	e.added = append(e.added, channel)
	e.submissions.topics = append(e.submissions.topics, e.topics.Submissions(channel))
	e.decisions.topics = append(e.decisions.topics, e.topics.Decisions(channel))
	e.mu.Unlock()
	return e.load.newcomers.open(e.topics.Submissions(channel)), nil
}

// allChannels are the channels of the installation, with those that were added.
func (e *experiment) allChannels() []schema.Channel {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append(channels(), e.added...)
}
