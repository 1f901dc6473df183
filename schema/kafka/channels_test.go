package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
)

// installation is one of a test's own without any topic.
type installation struct {
	*testing.T
	kafka.Config
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	i := &installation{t, kafka.Config{Brokers: kafkatest.Brokers(t), Topics: schema.Topics{Prefix: "test-" + uuid.NewString()[:13]}}}
	t.Cleanup(i.delete)
	return i
}

// delete deletes every topic that the installation has.
func (i *installation) delete() {
	conn := &client.Client{Addr: client.TCP(i.Brokers...), Transport: new(client.Transport)}
	response, err := conn.Metadata(context.Background(), &client.MetadataRequest{})
	if err != nil {
		i.Log(err)
		return
	}
	var names []string
	for _, t := range response.Topics {
		if strings.HasPrefix(t.Name, i.Topics.Prefix+".") {
			names = append(names, t.Name)
		}
	}
	_, _ = conn.DeleteTopics(context.Background(), &client.DeleteTopicsRequest{Topics: names})
}

// create creates topics and compares which were.
func (i *installation) create(c kafka.Config, want ...string) {
	i.Helper()
	created, err := kafka.Create(i.Context(), c)
	if err != nil {
		i.Fatal(err)
	}
	if !slices.Equal(created, want) {
		i.Errorf("created %q, want %q", created, want)
	}
}

// topic creates a topic as somebody else may.
func (i *installation) topic(name string, partitions int, timestamp string) {
	i.Helper()
	conn := &client.Client{Addr: client.TCP(i.Brokers...), Transport: new(client.Transport)}
	response, err := conn.CreateTopics(i.Context(), &client.CreateTopicsRequest{Topics: []client.TopicConfig{{
		Topic: name, NumPartitions: partitions, ReplicationFactor: 1,
		ConfigEntries: []client.ConfigEntry{{ConfigName: schema.SettingTimestamp, ConfigValue: timestamp}},
	}}})
	if err == nil {
		err = response.Errors[name]
	}
	if err != nil {
		i.Fatal(err)
	}
}

// A new installation has the channels that are named, or the usual ones; one that has
// channels gets only those that are named.
func TestCreate(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	first := i.Config
	first.Channels, first.Partitions = []schema.Channel{"counter"}, 3
	i.create(first, i.Topics.Of("counter")...)
	i.create(i.Config) // no channel is named, and there is one
	second := i.Config
	second.Channels = []schema.Channel{"kiosk", "counter"}
	i.create(second, i.Topics.Submissions("kiosk"), i.Topics.Decisions("kiosk"))
	found, err := kafka.Check(t.Context(), i.Brokers, i.Topics)
	if err != nil || found.Partitions != 3 || !slices.Equal(found.Usable, []schema.Channel{"counter", "kiosk"}) {
		t.Errorf("%+v, %v: the new topics are not like those that were there", found, err)
	}

	usual := newInstallation(t)
	usual.create(usual.Config, usual.Topics.Of(schema.DefaultChannels()...)...)
}

// What is wrong with one channel's topics is said of it, and of no other.
func TestFindFaults(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	if _, err := kafka.Find(t.Context(), i.Brokers, i.Topics); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("without any topic: %v", err)
	}
	i.topic(i.Topics.Quarantine(), 2, schema.TimestampOfBroker)
	if found, err := kafka.Find(t.Context(), i.Brokers, i.Topics); err != nil || len(found.Usable)+len(found.Faults) > 0 {
		t.Errorf("without a channel: %+v, %v", found, err)
	}
	if _, err := kafka.Check(t.Context(), i.Brokers, i.Topics); !errors.Is(err, kafka.ErrNoChannel) {
		t.Errorf("without a channel: %v", err)
	}

	faulty := map[schema.Channel]error{
		"no_answers": kafka.ErrTopicMissing, "no_questions": kafka.ErrTopicMissing,
		"wider": kafka.ErrPartitions, "own_time": kafka.ErrTimestamp,
	}
	both := func(c schema.Channel, partitions int, timestamp string) {
		i.topic(i.Topics.Submissions(c), partitions, timestamp)
		i.topic(i.Topics.Decisions(c), 2, schema.TimestampOfBroker)
	}
	both("good", 2, schema.TimestampOfBroker)
	both("wider", 3, schema.TimestampOfBroker)
	both("own_time", 2, "CreateTime")
	i.topic(i.Topics.Submissions("no_answers"), 2, schema.TimestampOfBroker)
	i.topic(i.Topics.Decisions("no_questions"), 2, schema.TimestampOfBroker)
	i.topic(i.Topics.Prefix+".submissions.Not-a-Channel", 2, schema.TimestampOfBroker)

	found, err := kafka.Find(t.Context(), i.Brokers, i.Topics)
	if err != nil || !slices.Equal(found.Usable, []schema.Channel{"good"}) {
		t.Errorf("usable: %q, %v", found.Usable, err)
	}
	for c, want := range faulty {
		if err := found.Faults[c]; !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", c, err, want)
		}
	}
	if len(found.Faults) != len(faulty) {
		t.Errorf("faults of %q", slices.Sorted(maps.Keys(found.Faults)))
	}
	if _, err := kafka.Check(t.Context(), i.Brokers, i.Topics); !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("Check: %v, want the first fault", err)
	}
}

// A finder names the usable channels' topics, and says of a fault once what it is, until it
// is another.
func TestFinderSaysAFaultOnce(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	c := i.Config
	c.Channels, c.Partitions = []schema.Channel{"good"}, 2
	i.create(c, i.Topics.Of("good")...)
	i.topic(i.Topics.Submissions("half"), 2, schema.TimestampOfBroker)
	var log bytes.Buffer
	finder := kafka.NewFinder(i.Brokers, i.Topics, slog.New(slog.NewTextHandler(&log, nil)))
	find := func(want map[string]int, lines int) {
		t.Helper()
		topics, err := finder.Topics(t.Context(), i.Topics.Decisions)
		if err != nil || !maps.Equal(topics, want) {
			t.Errorf("%v, %v, want %v", topics, err, want)
		}
		if n := strings.Count(log.String(), "channel=half"); n != lines {
			t.Errorf("the log names it %d times, want %d:\n%s", n, lines, log.String())
		}
	}
	good := map[string]int{i.Topics.Decisions("good"): 2}
	find(good, 1)
	find(good, 1)
	i.topic(i.Topics.Decisions("half"), 4, schema.TimestampOfBroker)
	find(good, 2) // it is another fault
	conn := &client.Client{Addr: client.TCP(i.Brokers...), Transport: new(client.Transport)}
	if _, err := conn.DeleteTopics(t.Context(), &client.DeleteTopicsRequest{Topics: []string{i.Topics.Submissions("half"), i.Topics.Decisions("half")}}); err != nil {
		t.Fatal(err)
	}
	// The brokers learn one after another that a topic is gone.
	for gone, deadline := false, time.Now().Add(time.Minute); !gone; {
		var said bytes.Buffer
		_, err := kafka.NewFinder(i.Brokers, i.Topics, slog.New(slog.NewTextHandler(&said, nil))).Topics(t.Context(), i.Topics.Decisions)
		gone = err == nil && !strings.Contains(said.String(), "channel=half")
		if time.Now().After(deadline) {
			t.Fatalf("the topics are still there: %v\n%s", err, said.String())
		}
	}
	find(good, 2)
}
