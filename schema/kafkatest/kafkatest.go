// Package kafkatest gives a test topics of its own on the brokers that
// `tajdeed-local servers -- go test …` started. It starts no broker itself.
package kafkatest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// EnvBrokers names the environment variable with the brokers' addresses,
// host:port with commas between.
const EnvBrokers = "TAJDEED_BROKERS"

// timeout is how long a broker may need to make topics ready. It needs milliseconds, on
// an overloaded machine seconds.
const timeout = 30 * time.Second

// Topics are the topics of one test.
type Topics struct {
	Brokers []string
	Names   []string // in the order that NewTopics was asked for
}

// Brokers returns the brokers that tests run on, and fails the test where none are
// named.
func Brokers(t testing.TB) []string {
	t.Helper()
	brokers := os.Getenv(EnvBrokers)
	if brokers == "" {
		t.Fatalf("this test runs on a real broker and %s names none: run it as `tajdeed-local servers -- go test ./...`, or with `make test`", EnvBrokers)
	}
	return strings.Split(brokers, ",")
}

// NewTopics creates topics for this test only, one for each name, which becomes
// the first part of theirs. When it returns they are empty and messages can be
// published; they are deleted when the test ends.
func NewTopics(t testing.TB, partitions int, names ...string) Topics {
	t.Helper()
	topics := Topics{Brokers: Brokers(t)}
	suffix := unique()
	for _, name := range names {
		topics.Names = append(topics.Names, name+"-"+suffix)
	}
	topics.make(t, partitions)
	return topics
}

// NewInstallation creates the topics of an installation with these channels for this test
// only, as [NewTopics] does, and returns how they are named.
func NewInstallation(t testing.TB, partitions int, channels ...schema.Channel) (schema.Topics, Topics) {
	t.Helper()
	named := schema.Topics{Prefix: "test-" + unique()}
	topics := Topics{Brokers: Brokers(t), Names: named.Of(channels...)}
	topics.make(t, partitions)
	return named, topics
}

func unique() string { return uuid.NewString()[:13] }

func (ts Topics) make(t testing.TB, partitions int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := ts.create(ctx, partitions); err != nil {
		t.Fatalf("create topics for the test: %v", err)
	}
	t.Cleanup(func() { ts.Delete(t) })
	if err := ts.awaitLeaders(ctx, partitions); err != nil {
		t.Fatalf("wait for the test's topics: %v", err)
	}
}

// create creates the topics with the settings of an installation's.
func (ts Topics) create(ctx context.Context, partitions int) error {
	client, done := ts.client()
	defer done()
	request := &kafka.CreateTopicsRequest{}
	for _, name := range ts.Names {
		var some schema.Topics // the settings depend on the kind of topic only
		kind := name
		if strings.Contains(name, "quarantine") {
			kind = some.Quarantine()
		}
		var settings []kafka.ConfigEntry
		for setting, value := range some.Settings(kind) {
			settings = append(settings, kafka.ConfigEntry{ConfigName: setting, ConfigValue: value})
		}
		request.Topics = append(request.Topics, kafka.TopicConfig{
			Topic: name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: settings,
		})
	}
	answer, err := client.CreateTopics(ctx, request)
	if err != nil {
		return err
	}
	for name, err := range answer.Errors {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// awaitLeaders waits until the leader of every partition answers for it. It asks for an
// offset: a broker that answers that also accepts messages, and the topics stay empty.
func (ts Topics) awaitLeaders(ctx context.Context, partitions int) error {
	request := &kafka.ListOffsetsRequest{Topics: make(map[string][]kafka.OffsetRequest)}
	for _, name := range ts.Names {
		for p := range partitions {
			request.Topics[name] = append(request.Topics[name], kafka.LastOffsetOf(p))
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ts.askLeaders(ctx, request)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// askLeaders uses a new client: an older one's metadata may be older than the topics.
func (ts Topics) askLeaders(ctx context.Context, request *kafka.ListOffsetsRequest) error {
	client, done := ts.client()
	defer done()
	answer, err := client.ListOffsets(ctx, request)
	if err != nil {
		return err
	}
	for name, asked := range request.Topics {
		if len(answer.Topics[name]) != len(asked) {
			return fmt.Errorf("%s: %d of %d partitions answer", name, len(answer.Topics[name]), len(asked))
		}
		for _, p := range answer.Topics[name] {
			if p.Error != nil {
				return fmt.Errorf("%s, partition %d: %w", name, p.Partition, p.Error)
			}
		}
	}
	return nil
}

// Delete deletes the topics. It only logs an error: a broker that the test stopped keeps the topics, and no
// other test knows their names.
func (ts Topics) Delete(t testing.TB) {
	client, done := ts.client()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if _, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: ts.Names}); err != nil {
		t.Logf("delete the test's topics: %v", err)
	}
}

func (ts Topics) client() (*kafka.Client, func()) {
	transport := &kafka.Transport{MetadataTopics: ts.Names}
	return &kafka.Client{Addr: kafka.TCP(ts.Brokers...), Transport: transport, Timeout: timeout}, transport.CloseIdleConnections
}
