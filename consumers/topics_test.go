package consumers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
)

// discovers says that the stage reads what all channels submit, as the broker has their
// topics.
func (b *bench) discovers(ctx context.Context) (map[string]int, error) {
	found, err := kafkaschema.Find(ctx, b.brokers, b.topics)
	if err != nil {
		return nil, err
	}
	topics := map[string]int{}
	for _, c := range found.Usable {
		topics[b.topics.Submissions(c)] = found.Partitions
	}
	return topics, nil
}

// addChannel creates a channel's topics while workers run.
func (b *bench) addChannel(c schema.Channel) {
	b.Helper()
	created, err := kafkaschema.Create(b.Context(), kafkaschema.Config{Brokers: b.brokers, Topics: b.topics, Channels: []schema.Channel{c}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { kafkatest.Topics{Brokers: b.brokers, Names: created}.Delete(b.T) })
	b.channels = append(b.channels, c)
}

// publishTo publishes n messages to a channel, spread over its partitions, and returns how
// many each partition has of them.
func (b *bench) publishTo(c schema.Channel, n int) {
	b.Helper()
	for partition := range b.partitions {
		var messages []kafka.Message
		for i := partition; i < n; i += b.partitions {
			messages = append(messages, kafka.Message{Value: []byte(string(c) + strconv.Itoa(i))})
		}
		eventually(b.T, func() error { // a topic that is new has no leader yet
			return b.publisher.publishTo(b.Context(), b.topics.Submissions(c), partition, messages)
		})
	}
}

// A channel that is added while workers run is decided without a restart, and those that
// there were go on.
func TestAChannelIsAddedDuringTheRun(t *testing.T) {
	b := setup(t, 3)
	config := b.config()
	config.Topics = b.discovers
	first, second := b.start(b.ledger(b.tally()), config), b.start(b.ledger(b.tally()), config)
	b.publishTo("counter", 30)
	b.drained(30)
	b.addChannel("mobile_app")
	b.publishTo("mobile_app", 30)
	b.publishTo("counter", 30)
	b.drained(90)
	eventually(t, func() error {
		if n, m := first.Assigned(), second.Assigned(); n != 3 || m != 3 {
			return fmt.Errorf("%d and %d partitions", n, m)
		}
		return errors.Join(first.Ready(), second.Ready())
	})
	for partition := range b.partitions {
		b.answered("mobile_app", partition, 10)
	}
}

// A stage that has no topic to read waits for one, and says so.
func TestAStageWaitsForTopics(t *testing.T) {
	b := setup(t, 1)
	there := make(chan struct{})
	config := b.config()
	config.Topics = func(ctx context.Context) (map[string]int, error) {
		select {
		case <-there:
			return b.reads(ctx)
		default:
			return nil, nil
		}
	}
	w := b.start(b.ledger(b.tally()), config)
	eventually(t, func() error {
		if err := w.Ready(); !errors.Is(err, consumers.ErrNoTopics) {
			return fmt.Errorf("ready says %w", err)
		}
		return nil
	})
	close(there)
	b.publish(0, 10)
	b.drained(10)
	eventually(t, w.Ready)
}

// buffer is a log that a test reads while it is written.
type buffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// While it cannot be found out which topics there are, those found last are read on; that is
// logged once.
func TestTopicsFoundLastAreReadOn(t *testing.T) {
	b := setup(t, 1)
	asked := make(chan error)
	config := b.config()
	config.Topics = func(ctx context.Context) (map[string]int, error) {
		select {
		case err := <-asked:
			if err != nil {
				return nil, err
			}
			return b.reads(ctx)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	log := new(buffer)
	engine, err := consumers.New("tally", config, b.ledger(b.tally()), slog.New(slog.NewTextHandler(log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	w := b.run(engine)
	away := errors.New("the brokers are away")
	asked <- away
	eventually(t, func() error {
		if err := w.Ready(); !errors.Is(err, away) {
			return fmt.Errorf("ready says %w", err)
		}
		return nil
	})
	asked <- nil
	b.publish(0, 10)
	b.drained(10)
	for range 3 {
		asked <- away
	}
	b.publish(10, 10)
	b.drained(20)
	asked <- nil
	asked <- nil // so that the answer before was seen
	if err := w.Ready(); err != nil {
		t.Errorf("ready says %v", err)
	}
	for _, line := range []string{"cannot find which topics", "is known again"} {
		if n := strings.Count(log.String(), line); n != 2 {
			t.Errorf("%q is logged %d times, want once for each time that it begins:\n%s", line, n, log)
		}
	}
	if n := strings.Count(log.String(), "joined the group"); n != 1 {
		t.Errorf("joined the group %d times, want once", n)
	}
}

// A channel whose topics are deleted is let go, and the others go on.
func TestAChannelDisappears(t *testing.T) {
	b := setupChannels(t, 2, "counter", "mobile_app")
	config := b.config()
	config.Topics = b.discovers
	w := b.start(b.ledger(b.tally()), config)
	b.publishTo("counter", 10)
	b.publishTo("mobile_app", 10)
	b.drained(20)
	kafkatest.Topics{Brokers: b.brokers, Names: []string{b.topics.Submissions("mobile_app"), b.topics.Decisions("mobile_app")}}.Delete(t)
	b.publishTo("counter", 10)
	b.drained(30)
	eventually(t, func() error {
		if n := w.Assigned(); n != 2 {
			return fmt.Errorf("%d partitions are assigned, want 2", n)
		}
		return w.Ready()
	})
}

// Partitions that are added to all topics are read.
func TestTopicsGrow(t *testing.T) {
	b := setup(t, 1)
	config := b.config()
	config.Topics = b.discovers
	b.start(b.ledger(b.tally()), config)
	b.publishTo("counter", 5)
	b.drained(5)
	b.partitions = 3
	request := &kafka.CreatePartitionsRequest{}
	for _, name := range b.topics.Of(b.channels...) {
		request.Topics = append(request.Topics, kafka.TopicPartitionsConfig{Name: name, Count: int32(b.partitions)})
	}
	response, err := b.publisher.client.CreatePartitions(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range response.Errors {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	b.publishTo("counter", 9)
	b.drained(14)
}

// Partitions of several topics that one broker leads share requests and transactions.
func TestTopicsShareATransaction(t *testing.T) {
	b := setupChannels(t, 2, "counter", "mobile_app", "back_office")
	w, open := b.inOneLoop(b.tally())
	for _, c := range b.channels {
		b.publishTo(c, 20)
	}
	open()
	b.drained(67)
	if n := b.count(`SELECT count(DISTINCT xmin::text) FROM tally WHERE convert_from(value, 'UTF8') ~ '^[a-z]' AND "offset" > 0`); n > 2 {
		t.Errorf("%d transactions, want at most 2", n)
	}
	w.stop(t)
	for _, c := range b.channels[1:] {
		for partition := range b.partitions {
			b.answered(c, partition, 11)
		}
	}
}

// The lag of a partition that was given up is told no more, and that of the same number of
// another topic still is.
func TestLagIsToldByTopicAndPartition(t *testing.T) {
	b := setupChannels(t, 1, "counter", "mobile_app")
	registry := prometheus.NewRegistry()
	engine, err := consumers.New("tally", b.config(), b.ledger(b.tally()), quiet(), registry)
	if err != nil {
		t.Fatal(err)
	}
	w := b.run(engine)
	b.publishTo("counter", 1)
	b.publishTo("mobile_app", 1)
	b.drained(2)
	eventually(t, func() error {
		return wantLags(registry, b.topics.Submissions("counter"), b.topics.Submissions("mobile_app"))
	})
	w.stop(t)
	if err := wantLags(registry); err != nil {
		t.Errorf("after the end: %v", err)
	}
}

// wantLags is an error unless there is a lag of partition 0 of these topics, and no other.
func wantLags(registry *prometheus.Registry, topics ...string) error {
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	var got []string
	for _, f := range families {
		if f.GetName() == "tajdeed_tally_lag_messages" {
			for _, m := range f.GetMetric() {
				got = append(got, m.GetLabel()[1].GetValue()+"/"+m.GetLabel()[0].GetValue())
			}
		}
	}
	if want := strings.Join(topics, "/0 "); strings.TrimSuffix(strings.Join(got, " "), "/0") != want {
		return fmt.Errorf("the lag of %s is told", got)
	}
	return nil
}
