package consumers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
)

// A membership is the engine's time in the group with one set of topics. The library's group
// has a fixed list of them, and so has the metadata that its transport keeps.
type membership struct {
	engine    *Engine
	topics    map[string]int // and how many partitions each has
	transport *kafka.Transport
	fetcher   *fetch.Fetcher
}

const (
	// metadataTTL is how long a moved leader may go unseen.
	metadataTTL = time.Second
	dialTimeout = 5 * time.Second
)

func (e *Engine) newMembership(topics map[string]int) *membership {
	transport := &kafka.Transport{
		ClientID:       e.config.ClientID,
		MetadataTTL:    metadataTTL,
		MetadataTopics: slices.Sorted(maps.Keys(topics)),
		DialTimeout:    dialTimeout,
	}
	return &membership{
		engine: e, topics: topics, transport: transport,
		fetcher: &fetch.Fetcher{
			Transport: transport, ClientID: e.config.ClientID,
			Broker: kafka.TCP(e.config.Brokers...), MaxBytes: e.config.BatchBytes,
		},
	}
}

// readTopics consumes the topics that were found, until there are others or ctx ends. Then
// it finishes the batches in flight, announces and commits them, and leaves the group.
func (e *Engine) readTopics(ctx context.Context, found *discovery) error {
	m := e.newMembership(found.topics)
	defer m.transport.CloseIdleConnections()
	group, err := m.newGroup()
	if err != nil {
		return fmt.Errorf("join the group %s: %w", e.config.Group, err)
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	watching.Go(func() {
		if found.awaitChange(ctx) {
			leave()
		}
	})
	// Closing the group ends the generation, and with it what the workers call taking. It
	// returns when the last batch is done and the coordinator knows that we leave.
	left := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { left <- group.Close() })
	m.runGenerations(ctx, group)
	if stop() { // ctx has not ended: the group ended by itself
		left <- group.Close()
	}
	if err := <-left; err != nil {
		return fmt.Errorf("leave the group %s: %w", e.config.Group, err)
	}
	return nil
}

// client makes the requests to brokers other than fetches.
func (m *membership) client() *kafka.Client {
	return &kafka.Client{Addr: m.fetcher.Broker, Transport: m.transport, Timeout: dialTimeout}
}

// logStart asks the broker where a partition's log begins.
func (m *membership) logStart(ctx context.Context, at schema.TopicPartition) (int64, error) {
	response, err := m.client().ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{at.Topic: {kafka.FirstOffsetOf(at.Partition)}},
	})
	if err != nil {
		return 0, err
	}
	for _, p := range response.Topics[at.Topic] {
		if p.Partition == at.Partition {
			return p.FirstOffset, p.Error
		}
	}
	return 0, kafka.UnknownTopicOrPartition
}

// leader asks which broker leads a partition.
func (m *membership) leader(ctx context.Context, at schema.TopicPartition) (int, error) {
	answer, err := m.transport.RoundTrip(ctx, m.fetcher.Broker, &metadata.Request{TopicNames: []string{at.Topic}})
	if err != nil {
		return 0, err
	}
	if response, ok := answer.(*metadata.Response); ok {
		for _, t := range response.Topics {
			for _, p := range t.Partitions {
				if t.Name == at.Topic && int(p.PartitionIndex) == at.Partition && p.LeaderID >= 0 {
					return int(p.LeaderID), nil
				}
			}
		}
	}
	return 0, kafka.LeaderNotAvailable
}
