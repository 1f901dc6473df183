package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	client "github.com/segmentio/kafka-go"

	"tajdeed/dashboards/text"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// workload is what lies on a log of submissions.
type workload struct {
	n         int64
	residents int
	poison    float64 // the share of unreadable messages, as in [simulate.Config]
	sponsor   float64 // the share of residents that one sponsor has
	// channels is how many channels the messages come by: [allChannels], or 1. They are the
	// same messages.
	channels int
}

// allChannels is how many channels there are: those that an installation begins with.
var allChannels = len(schema.DefaultChannels())

// population is what a register depends on.
type population struct {
	residents int
	sponsor   float64
}

func (l workload) population() population { return population{l.residents, l.sponsor} }

func (l workload) simulation() (*simulate.Simulation, error) {
	return simulate.New(simulate.Config{Seed: simulate.DefaultSeed, Residents: l.residents, Unreadable: l.poison, OneSponsor: l.sponsor})
}

// filledLog is a set of topics and what lies on the topic of submissions.
type filledLog struct {
	prefix    string
	topics    schema.Topics
	load      workload
	messages  int64
	decisions int64 // how many of the messages can be read
	announced bool  // the other topics hold what an installation announced
	// backlog is the one topic that holds all messages; "" where each channel's lie on its
	// own.
	backlog string
}

func (l *filledLog) channels() []schema.Channel { return schema.DefaultChannels()[:l.load.channels] }

// names are the names of all topics.
func (l *filledLog) names() []string { return l.topics.Of(l.channels()...) }

// submissions are the topics that channels publish to, answers those that they read.
func (l *filledLog) submissions() []string { return namesOf(l.channels(), l.topics.Submissions) }
func (l *filledLog) answers() []string     { return namesOf(l.channels(), l.topics.Decisions) }

func namesOf(channels []schema.Channel, name func(schema.Channel) string) []string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = name(c)
	}
	return names
}

// partitions is how many partitions all topics of submissions have together.
func (l *filledLog) partitions() int { return len(l.channels()) * schema.DefaultPartitions }

// newLog creates the topics of an empty log.
func (b *bench) newLog(ctx context.Context, load workload) (*filledLog, error) {
	l := &filledLog{prefix: b.name(), load: load}
	l.topics = schema.Topics{Prefix: l.prefix}
	if load.channels == 1 {
		l.backlog = l.submissions()[0]
	}
	return l, b.createTopics(ctx, l)
}

// createTopics creates the topics that are missing, and waits until they can be used.
func (b *bench) createTopics(ctx context.Context, l *filledLog) error {
	if _, err := kafka.Create(ctx, kafka.Config{Brokers: b.at.Brokers, Topics: l.topics, Channels: l.channels(), Partitions: schema.DefaultPartitions}); err != nil {
		return err
	}
	for _, topic := range l.names() {
		if _, err := kafka.Ends(ctx, b.at.Brokers, topic); err != nil {
			return err
		}
	}
	return nil
}

// fullLog returns a log with all messages of a load: the last one, if its load is the same.
func (b *bench) fullLog(ctx context.Context, load workload) (l *filledLog, err error) {
	if b.log != nil && b.log.load == load {
		return b.log, nil
	}
	if b.log != nil {
		if err := b.deleteTopics(ctx, b.log.names()...); err != nil {
			return nil, err
		}
		b.log = nil
	}
	b.say(fmt.Sprintf("publishing %s applications", text.Thousands(load.n)))
	if l, err = b.newLog(ctx, load); err != nil {
		return nil, err
	}
	simulation, err := load.simulation()
	if err != nil {
		return nil, err
	}
	if err := b.fill(ctx, l, simulation); err != nil {
		return nil, err
	}
	b.log = l
	return l, nil
}

// fill publishes a load, and notes how many messages and decisions it is.
func (b *bench) fill(ctx context.Context, l *filledLog, simulation *simulate.Simulation) error {
	publisher, err := b.publisher()
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	f := simulate.Feed{Simulation: simulation, Publisher: l.through(publisher), Topics: l.topics, Total: l.load.n}
	if err := f.Run(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	counts := simulation.Manifest().Counts
	l.messages, l.decisions = int64(counts.Messages), int64(counts.Messages-counts.Unreadable)
	return b.checkLog(ctx, l)
}

var errNotAsPublished = errors.New("the topic does not hold what was published")

// checkLog refuses a log that has a message twice, which happens when the publisher misses
// an answer and sends again.
func (b *bench) checkLog(ctx context.Context, l *filledLog) error {
	n, err := b.countMessages(ctx, l.submissions())
	if err == nil && n != l.messages {
		err = fmt.Errorf("%w: %d messages of %d", errNotAsPublished, n, l.messages)
	}
	return err
}

// through returns a publisher of the log's messages: where they all lie on one topic, it
// publishes there what the simulation has for six.
func (l *filledLog) through(publisher *producers.Publisher) simulate.Publisher {
	if l.backlog != "" {
		return oneTopic{publisher, l.backlog}
	}
	return publisher
}

// oneTopic publishes all messages to one topic, whichever they name.
type oneTopic struct {
	publisher *producers.Publisher
	topic     string
}

// Publish publishes messages to the one topic.
func (t oneTopic) Publish(ctx context.Context, messages []client.Message) error {
	for i := range messages {
		messages[i].Topic = t.topic
	}
	return t.publisher.Publish(ctx, messages)
}

// countMessages is how many messages topics hold that begin at offset 0. It is one request,
// so that asking again and again costs the same however many topics there are.
func (b *bench) countMessages(ctx context.Context, topics []string) (sum int64, err error) {
	request := client.ListOffsetsRequest{Topics: map[string][]client.OffsetRequest{}}
	for _, topic := range topics {
		for partition := range schema.DefaultPartitions {
			request.Topics[topic] = append(request.Topics[topic], client.LastOffsetOf(partition))
		}
	}
	response, err := b.kafka.ListOffsets(ctx, &request)
	if err != nil {
		return 0, fmt.Errorf("count the messages of topics: %w", err)
	}
	for topic, partitions := range response.Topics {
		for _, p := range partitions {
			if p.Error != nil {
				return 0, fmt.Errorf("count the messages of %s: %w", topic, p.Error)
			}
			sum += p.LastOffset
		}
	}
	return sum, nil
}

func (b *bench) publisher() (*producers.Publisher, error) {
	return producers.NewPublisher(producers.Config{Brokers: b.at.Brokers, ClientID: clientID}, slog.Default(), nil)
}

// topicNames returns the names of all topics of ours.
func (b *bench) topicNames(ctx context.Context) (ours []string, err error) {
	response, err := b.kafka.Metadata(ctx, &client.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, topic := range response.Topics {
		if strings.HasPrefix(topic.Name, namePrefix) {
			ours = append(ours, topic.Name)
		}
	}
	return ours, nil
}

// deleteTopics deletes topics and returns when the broker no longer lists them: until then
// they cannot be created anew.
func (b *bench) deleteTopics(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	if _, err := b.kafka.DeleteTopics(ctx, &client.DeleteTopicsRequest{Topics: names}); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	return patience.Await(ctx, "the deletion of topics", func() (int64, bool, error) {
		// A new client each time: one that has asked before would answer from its cache.
		fresh := &client.Client{Addr: b.kafka.Addr, Timeout: b.kafka.Timeout, Transport: &client.Transport{IdleTimeout: time.Second}}
		response, err := fresh.Metadata(ctx, &client.MetadataRequest{Topics: names})
		if err != nil {
			return 0, false, fmt.Errorf("look for topics: %w", err)
		}
		left := int64(0)
		for _, topic := range response.Topics {
			if !errors.Is(topic.Error, client.UnknownTopicOrPartition) {
				left++
			}
		}
		return left, left == 0, nil
	})
}
