// Package kafka creates an installation's topics with their settings, finds its channels by
// them, refuses topics that a stage cannot work with, and converts headers to and from
// kafka-go. The names and settings of the topics are part of the contract, in the parent
// package.
//
// Which channels there are is what the brokers say: a channel is its two topics, one of
// submissions and one of decisions. So there is no second list that could differ.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	// Channels are those whose topics are created; the quarantine topic is created with
	// them. An installation may have others. Nil means [schema.DefaultChannels] where there
	// is no channel yet, and none where there is one.
	Channels []schema.Channel
	// Partitions is the number of partitions of every topic. 0 means that of the topics
	// which exist, and where none does, [schema.DefaultPartitions].
	Partitions int
	// Replication is the number of replicas of every partition. 0 means that of the quarantine
	// topic, and where there is none, 1, which loses what the broker's disk loses.
	Replication int
}

// Errors of [Find], [Check] and [Create].
var (
	ErrTopicMissing = errors.New("the topic does not exist: run `tajdeed migrate`")
	ErrNoChannel    = errors.New("there is no channel whose topics can be used: run `tajdeed channel add`")
	ErrPartitions   = errors.New("the topics differ in their numbers of partitions: an answer keeps its cause's partition")
	ErrTimestamp    = errors.New("the topic must have " + schema.SettingTimestamp + "=" + schema.TimestampOfBroker + ": else a publisher chooses its messages' time")
)

// requestTimeout bounds one request to the brokers.
const requestTimeout = 15 * time.Second

// Create creates the topics that are missing and returns their names. Those that exist are
// left as they are; see [Check].
func Create(ctx context.Context, c Config) (created []string, err error) {
	conn, closeIdle := newClient(c.Brokers)
	defer closeIdle()
	have, err := partitions(ctx, conn, nil)
	if err != nil {
		return nil, err
	}
	if c, err = c.like(ctx, conn, have); err != nil {
		return nil, err
	}
	var request client.CreateTopicsRequest
	for _, name := range c.Topics.Of(c.Channels...) {
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

// like fills in what was left out, by the topics that exist.
func (c Config) like(ctx context.Context, conn *client.Client, have map[string]int) (Config, error) {
	quarantine := c.Topics.Quarantine()
	if c.Channels == nil && len(channelsOf(c.Topics, have)) == 0 {
		c.Channels = schema.DefaultChannels()
	}
	if c.Partitions == 0 {
		c.Partitions = have[quarantine]
	}
	if c.Replication == 0 && have[quarantine] > 0 {
		response, err := conn.Metadata(ctx, &client.MetadataRequest{Topics: []string{quarantine}})
		if err != nil {
			return c, fmt.Errorf("ask the brokers for %s: %w", quarantine, err)
		}
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				c.Replication = max(c.Replication, len(p.Replicas))
			}
		}
	}
	return c, nil
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

// Channels are those of an installation, as the brokers have their topics.
type Channels struct {
	// Partitions is the number of partitions that every topic has.
	Partitions int
	// Usable are the channels that a stage can work for, in the order of their names.
	Usable []schema.Channel
	// Faults say what is wrong with the topics of the others: [ErrTopicMissing],
	// [ErrPartitions] or [ErrTimestamp]. They hold no usable channel up.
	Faults map[schema.Channel]error
}

// Find asks the brokers for the installation's channels. An error says that it could not be
// found out, or that the quarantine topic does not exist; that there is no channel is none.
func Find(ctx context.Context, brokers []string, topics schema.Topics) (Channels, error) {
	conn, closeIdle := newClient(brokers)
	defer closeIdle()
	have, err := partitions(ctx, conn, nil)
	if err != nil {
		return Channels{}, err
	}
	quarantine := topics.Quarantine()
	found := Channels{Partitions: have[quarantine], Faults: map[schema.Channel]error{}}
	if found.Partitions == 0 {
		return found, fmt.Errorf("topic %s: %w", quarantine, ErrTopicMissing)
	}
	timestamps, err := timestampsOf(ctx, conn, topics, have)
	if err != nil {
		return found, err
	}
	for _, c := range channelsOf(topics, have) {
		if err := fault(topics, c, have, timestamps); err != nil {
			found.Faults[c] = err
		} else {
			found.Usable = append(found.Usable, c)
		}
	}
	return found, nil
}

// Check is [Find] for whoever cannot work without: every channel's topics must be as they
// should be, and there must be one. The errors are those of this package.
func Check(ctx context.Context, brokers []string, topics schema.Topics) (Channels, error) {
	found, err := Find(ctx, brokers, topics)
	if err != nil {
		return found, err
	}
	for _, c := range slices.Sorted(maps.Keys(found.Faults)) {
		return found, fmt.Errorf("channel %s: %w", c, found.Faults[c])
	}
	if len(found.Usable) == 0 {
		return found, ErrNoChannel
	}
	return found, nil
}

// Finder finds the topics that a stage reads, again and again. It logs what is wrong with a
// channel's topics when it first sees that, and leaves that channel out. It is for one
// goroutine at a time.
type Finder struct {
	brokers []string
	topics  schema.Topics
	log     *slog.Logger
	faults  map[schema.Channel]string // what was logged
}

// NewFinder returns a finder of an installation's topics.
func NewFinder(brokers []string, topics schema.Topics, log *slog.Logger) *Finder {
	return &Finder{brokers: brokers, topics: topics, log: log, faults: map[schema.Channel]string{}}
}

// Topics returns the topic of each channel that of names, such as [schema.Topics.Submissions],
// with its number of partitions.
func (f *Finder) Topics(ctx context.Context, of func(schema.Channel) string) (map[string]int, error) {
	found, err := Find(ctx, f.brokers, f.topics)
	if err != nil {
		return nil, err
	}
	for c := range f.faults {
		if found.Faults[c] == nil {
			delete(f.faults, c)
		}
	}
	for c, fault := range found.Faults {
		if text := fault.Error(); f.faults[c] != text {
			f.faults[c] = text
			f.log.Error("a channel is left out: its topics cannot be used", "channel", string(c), "error", fault)
		}
	}
	topics := make(map[string]int, len(found.Usable))
	for _, c := range found.Usable {
		topics[of(c)] = found.Partitions
	}
	return topics, nil
}

// channelsOf returns the channels that have at least one of their topics, in the order of
// their names.
func channelsOf(topics schema.Topics, have map[string]int) []schema.Channel {
	var channels []schema.Channel
	for name := range have {
		for _, of := range []func(string) (schema.Channel, bool){topics.SubmissionsChannel, topics.DecisionsChannel} {
			if c, ok := of(name); ok {
				channels = append(channels, c)
			}
		}
	}
	slices.Sort(channels)
	return slices.Compact(channels)
}

// fault says why a channel's topics cannot be used.
func fault(topics schema.Topics, c schema.Channel, have map[string]int, timestamps map[string]string) error {
	n := have[topics.Quarantine()]
	for _, name := range []string{topics.Submissions(c), topics.Decisions(c)} {
		switch {
		case have[name] == 0:
			return fmt.Errorf("topic %s: %w", name, ErrTopicMissing)
		case have[name] != n:
			return fmt.Errorf("%s has %d partitions, %s has %d: %w", topics.Quarantine(), n, name, have[name], ErrPartitions)
		case timestamps[name] != schema.TimestampOfBroker:
			return fmt.Errorf("topic %s: %w", name, ErrTimestamp)
		}
	}
	return nil
}

// timestampsOf asks whose time the messages of the channels' topics carry. A topic that is there
// no more it takes out of those that there are.
func timestampsOf(ctx context.Context, conn *client.Client, topics schema.Topics, have map[string]int) (map[string]string, error) {
	var request client.DescribeConfigsRequest
	for _, c := range channelsOf(topics, have) {
		for _, name := range []string{topics.Submissions(c), topics.Decisions(c)} {
			if have[name] > 0 {
				request.Resources = append(request.Resources, client.DescribeConfigRequestResource{
					ResourceType: client.ResourceTypeTopic, ResourceName: name, ConfigNames: []string{schema.SettingTimestamp},
				})
			}
		}
	}
	if len(request.Resources) == 0 {
		return nil, nil
	}
	response, err := conn.DescribeConfigs(ctx, &request)
	if err != nil {
		return nil, fmt.Errorf("ask the brokers for the topics' settings: %w", err)
	}
	found := map[string]string{}
	for _, r := range response.Resources {
		if errors.Is(r.Error, client.UnknownTopicOrPartition) { // it was deleted since it was listed
			delete(have, r.ResourceName)
			continue
		}
		if r.Error != nil {
			return nil, fmt.Errorf("ask the brokers for the settings of %s: %w", r.ResourceName, r.Error)
		}
		for _, entry := range r.ConfigEntries {
			if entry.ConfigName == schema.SettingTimestamp {
				found[r.ResourceName] = entry.ConfigValue
			}
		}
	}
	return found, nil
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

// partitions returns the number of partitions of each topic that exists, among the names
// or, where there are none, of all.
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
