// Package kafka creates an installation's topics with their settings, refuses topics that
// a stage cannot work with, and converts headers to and from kafka-go. The names and
// settings of the topics are part of the contract, in the parent package.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// Config is which topics to create, and how.
type Config struct {
	Brokers []string
	Topics  schema.Topics
	// Partitions is the number of partitions of every topic. 0 means
	// [schema.DefaultPartitions].
	Partitions int
	// Replication is the number of replicas of every partition. 0 means 1, which
	// loses what the broker's disk loses.
	Replication int
}

// Errors of [Check].
var (
	ErrTopicMissing = errors.New("the topic does not exist: run `tajdeed migrate`")
	ErrPartitions   = errors.New("the topics differ in their numbers of partitions: a decision keeps its cause's partition")
)

// requestTimeout bounds one request to the brokers.
const requestTimeout = 15 * time.Second

// Create creates the topics that are missing and returns their names.
func Create(ctx context.Context, c Config) (created []string, err error) {
	conn, closeIdle := newClient(c.Brokers)
	defer closeIdle()
	have, err := partitions(ctx, conn, c.Topics.Names())
	if err != nil {
		return nil, err
	}
	var request client.CreateTopicsRequest
	for _, name := range c.Topics.Names() {
		if have[name] == 0 {
			request.Topics = append(request.Topics, c.topic(name))
			created = append(created, name)
		}
	}
	if len(created) == 0 {
		return nil, nil
	}
	response, err := conn.CreateTopics(ctx, &request)
	if err != nil {
		return nil, fmt.Errorf("create topics: %w", err)
	}
	for name, err := range response.Errors {
		if err != nil && !errors.Is(err, client.TopicAlreadyExists) {
			return nil, fmt.Errorf("create topic %s: %w", name, err)
		}
	}
	return created, nil
}

func (c Config) topic(name string) client.TopicConfig {
	topic := client.TopicConfig{
		Topic:             name,
		NumPartitions:     max(c.Partitions, 0),
		ReplicationFactor: max(c.Replication, 1),
	}
	if topic.NumPartitions == 0 {
		topic.NumPartitions = schema.DefaultPartitions
	}
	settings := c.Topics.Settings(name)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		topic.ConfigEntries = append(topic.ConfigEntries, client.ConfigEntry{ConfigName: key, ConfigValue: settings[key]})
	}
	return topic
}

// Check says whether the topics exist and have the same number of partitions, and
// returns that number.
func Check(ctx context.Context, brokers []string, topics schema.Topics) (int, error) {
	conn, closeIdle := newClient(brokers)
	defer closeIdle()
	have, err := partitions(ctx, conn, topics.Names())
	if err != nil {
		return 0, err
	}
	n := have[topics.Submissions]
	for _, name := range topics.Names() {
		switch have[name] {
		case 0:
			return 0, fmt.Errorf("topic %s: %w", name, ErrTopicMissing)
		case n:
		default:
			return 0, fmt.Errorf("%s has %d partitions, %s has %d: %w", topics.Submissions, n, name, have[name], ErrPartitions)
		}
	}
	return n, nil
}

// End is where a topic's partitions begin and end: the first offset of each, and
// the one after its last.
type End struct{ First, Next int64 }

// leadersWithin is how long a new topic's partitions may have no leader.
const leadersWithin = 15 * time.Second

// Ends asks the brokers where the partitions of a topic begin and end. It asks again
// while a partition has no leader: a new topic is listed before it can be used.
func Ends(ctx context.Context, brokers []string, topic string) (map[int]End, error) {
	return backoff.Retry(ctx, func() (map[int]End, error) {
		ends, err := askEnds(ctx, brokers, topic)
		if refused, ok := errors.AsType[client.Error](err); err != nil && (!ok || !refused.Temporary()) {
			return nil, backoff.Permanent(err)
		}
		return ends, err
	}, backoff.WithMaxElapsedTime(leadersWithin))
}

func askEnds(ctx context.Context, brokers []string, topic string) (map[int]End, error) {
	conn, closeIdle := newClient(brokers)
	defer closeIdle()
	have, err := partitions(ctx, conn, []string{topic})
	if err != nil {
		return nil, err
	}
	questions := make([]client.OffsetRequest, 0, 2*have[topic])
	for p := range have[topic] {
		questions = append(questions, client.FirstOffsetOf(p), client.LastOffsetOf(p))
	}
	response, err := conn.ListOffsets(ctx, &client.ListOffsetsRequest{Topics: map[string][]client.OffsetRequest{topic: questions}})
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	ends := make(map[int]End, have[topic])
	for _, p := range response.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		ends[p.Partition] = End{First: p.FirstOffset, Next: p.LastOffset}
	}
	return ends, nil
}

// partitions returns the number of partitions of each topic that exists.
func partitions(ctx context.Context, conn *client.Client, names []string) (map[string]int, error) {
	response, err := conn.Metadata(ctx, &client.MetadataRequest{Topics: names})
	if err != nil {
		return nil, fmt.Errorf("ask the brokers for their topics: %w", err)
	}
	have := map[string]int{}
	for _, topic := range response.Topics {
		switch {
		case topic.Error == nil:
			have[topic.Name] = len(topic.Partitions)
		case !errors.Is(topic.Error, client.UnknownTopicOrPartition):
			return nil, fmt.Errorf("topic %s: %w", topic.Name, topic.Error)
		}
	}
	return have, nil
}

// newClient returns a client with a transport of its own, for one function's requests:
// no connection stays open after them, and no older metadata is used.
func newClient(brokers []string) (conn *client.Client, closeIdle func()) {
	transport := new(client.Transport)
	return &client.Client{Addr: client.TCP(brokers...), Timeout: requestTimeout, Transport: transport}, transport.CloseIdleConnections
}

// Headers returns a message's headers as kafka-go takes them. The values are shared.
func Headers(headers []schema.Header) []client.Header {
	out := make([]client.Header, len(headers))
	for i, h := range headers {
		out[i] = client.Header(h)
	}
	return out
}

// FromHeaders returns the headers of kafka-go's message as package schema reads them. The
// values are shared.
func FromHeaders(headers []client.Header) []schema.Header {
	out := make([]schema.Header, len(headers))
	for i, h := range headers {
		out[i] = schema.Header(h)
	}
	return out
}
