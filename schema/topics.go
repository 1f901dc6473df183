package schema

import (
	"errors"
	"fmt"
	"strings"
)

// DefaultPrefix begins the names of an installation's topics, unless the operator
// chooses another. Two installations may share a cluster under two prefixes.
const DefaultPrefix = "tajdeed"

// Channel is where applications are taken in: a portal, an app, a counter, a company's back
// office. Which channel a message came by is what its topic says, and no claim in its data:
// who may write to a topic is the brokers' to decide. The set is open; see [ParseChannel]
// for the names that are possible.
type Channel string

// channelPattern is the form of a channel's name: [a-z][a-z0-9_]{1,31}.
var channelPattern = newPattern("a-z0-9_", 2, 32)

// ErrChannel says that a name cannot be a channel's.
var ErrChannel = errors.New("a channel's name is 2 to 32 small letters, digits and underscores, the first a letter")

// ParseChannel reads a channel's name. The error is [ErrChannel].
func ParseChannel(s string) (Channel, error) {
	if !isChannel(s) {
		return "", fmt.Errorf("%q: %w", s, ErrChannel)
	}
	return Channel(s), nil
}

func isChannel(s string) bool { return channelPattern.match(s) && s[0] >= 'a' }

// DefaultChannels are those that an installation begins with, unless its operator names
// others.
func DefaultChannels() []Channel {
	return []Channel{"individual_portal", "company_portal", "government_portal", "mobile_app", "counter", "back_office"}
}

// Topics names an installation's topics. Each channel has two of its own, one that it
// writes to and one that it reads its answers from, so that the brokers can keep channels
// apart. The key of every message is the resident's Civil ID, so that everything about one
// person in a topic is in one partition, in order; an answer goes to the partition of the
// message that caused it, with its key.
type Topics struct {
	// Prefix begins the names, [DefaultPrefix] unless the operator chose another.
	Prefix string
}

const (
	submissionsInfix = ".submissions."
	decisionsInfix   = ".decisions."
)

// Submissions is the topic on which a channel submits applications:
// "tajdeed.submissions.counter".
func (t Topics) Submissions(c Channel) string { return t.Prefix + submissionsInfix + string(c) }

// Decisions is the topic on which a channel's messages are answered:
// "tajdeed.decisions.counter".
func (t Topics) Decisions(c Channel) string { return t.Prefix + decisionsInfix + string(c) }

// Quarantine is the topic of what could not be read, bytes untouched. All channels share
// it: it is for operators only.
func (t Topics) Quarantine() string { return t.Prefix + ".quarantine" }

// Of returns both topics of each channel, in their order, and the quarantine topic last.
func (t Topics) Of(channels ...Channel) []string {
	names := make([]string, 0, 2*len(channels)+1)
	for _, c := range channels {
		names = append(names, t.Submissions(c), t.Decisions(c))
	}
	return append(names, t.Quarantine())
}

// SubmissionsChannel returns the channel that submits on a topic; false for any other
// topic.
func (t Topics) SubmissionsChannel(topic string) (Channel, bool) {
	return t.channelOf(topic, submissionsInfix)
}

// DecisionsChannel returns the channel whose messages are answered on a topic; false for
// any other topic.
func (t Topics) DecisionsChannel(topic string) (Channel, bool) {
	return t.channelOf(topic, decisionsInfix)
}

// channelOf reads the channel in a topic's name. No channel's name has a dot, so the topics
// of an installation whose prefix begins with this one are not taken for ours.
func (t Topics) channelOf(topic, infix string) (Channel, bool) {
	rest, ours := strings.CutPrefix(topic, t.Prefix)
	if !ours {
		return "", false
	}
	name, ours := strings.CutPrefix(rest, infix)
	if !ours || !isChannel(name) {
		return "", false
	}
	return Channel(name), true
}

// AnswersTo returns the topic on which a message of a channel's topic of submissions is
// answered; false for a message of any other topic.
func (t Topics) AnswersTo(topic string) (string, bool) {
	c, ok := t.SubmissionsChannel(topic)
	if !ok {
		return "", false
	}
	return t.Decisions(c), true
}

// DefaultPartitions is the number of partitions of every topic, unless the
// operator chooses another at the creation. All topics of one installation have
// the same number, because an answer keeps its cause's partition.
//
// Six channels have 24 partitions together, and so work for 24 processes of each stage.
// More cost Kafka: with 12 for each channel, a year that is published while it is processed
// took it 21 µs an application on two cores, with 4 it took 6.5, and of 1,000 applications a
// second 99 of 100 were decided within 65 ms, with 4 within 32 (bench, whole-publishing and
// latency-1000, 25 November 2026).
const DefaultPartitions = 4

// Settings are what a topic is created with, by the broker's names. Nothing expires: the
// topics are the record's source, and a lost database is rebuilt from them. A message's time
// is the broker's: no publisher can choose it, and it is the same whenever the message is
// read. Quarantine has room for the largest message of another topic (1 MiB, unless the
// broker says otherwise) and for the headers that say where it lay.
func (t Topics) Settings(name string) map[string]string {
	settings := map[string]string{
		"cleanup.policy":  "delete",
		"retention.ms":    "-1",
		"retention.bytes": "-1",
		SettingTimestamp:  TimestampOfBroker,
	}
	if name == t.Quarantine() {
		settings["max.message.bytes"] = "2097152"
	}
	return settings
}

// The setting by which the broker stamps the messages of a topic, and its value.
const (
	SettingTimestamp  = "message.timestamp.type"
	TimestampOfBroker = "LogAppendTime"
)

// TopicPartition is a partition of a topic. It can be a key.
type TopicPartition struct {
	Topic     string
	Partition int
}

// String is the topic and the number of the partition: "tajdeed.submissions.counter/3".
func (p TopicPartition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }
