package producers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tajdeed/schema"
	"tajdeed/schema/kafkatest"
)

// several are the topics of the tests of more than one.
var several = []string{"s.counter", "s.mobile_app", "s.back_office"}

// amongSeveral makes placed messages that go to several topics in turn, so that each
// partition of each topic gets some.
func amongSeveral(n, partitions int, topics ...string) []kafka.Message {
	msgs := messages(n, n)
	for i := range msgs {
		msgs[i].Topic = topics[i%len(topics)]
		msgs[i].Partition = i / len(topics) % partitions
	}
	return msgs
}

func newSeveral(t *testing.T, brokers int) (*kfake.Cluster, *Publisher) {
	t.Helper()
	cluster := newFake(t, kfake.NumBrokers(brokers), kfake.SeedTopics(4, several...))
	config := faultyConfig(cluster.ListenAddrs()...)
	config.MaxAttempts = 4
	return cluster, newPublisher(t, config)
}

func TestTopicsOfOneBrokerShareARequest(t *testing.T) {
	t.Parallel()
	for _, brokers := range []int{1, 3} {
		t.Run(fmt.Sprint(brokers), func(t *testing.T) {
			t.Parallel()
			cluster, p := newSeveral(t, brokers)
			leaders := make(map[int32]bool)
			for _, topic := range several {
				for partition := range int32(4) {
					leaders[cluster.LeaderFor(topic, partition)] = true
				}
			}
			requests := produceRequests(cluster)
			if err := p.PublishPlaced(t.Context(), amongSeveral(120, 4, several...)); err != nil {
				t.Fatal(err)
			}
			if got := requests.Hits(); got != len(leaders) {
				t.Errorf("%d requests for %d leaders", got, len(leaders))
			}
			if err := p.Publish(t.Context(), amongSeveral(120, 4, several...)); err != nil {
				t.Fatal(err)
			}
			if got := requests.Hits(); got != 2*len(leaders) {
				t.Errorf("%d requests for two calls to %d leaders", got, len(leaders))
			}
		})
	}
}

func TestOrderOfEachTopicAndPartition(t *testing.T) {
	t.Parallel()
	const partitions = 3
	for name, c := range map[string]struct {
		config Config
		placed bool
	}{
		"by key":                         {},
		"by key, several of each run":    {config: Config{MaxBatchBytes: 700}},
		"placed":                         {placed: true},
		"placed, several of each broker": {Config{MaxBatchBytes: 20_000}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topics := kafkatest.NewTopics(t, partitions, several...)
			c.config.Brokers = topics.Brokers
			p := newPublisher(t, c.config)
			sent := amongSeveral(900, partitions, topics.Names...)
			publish := p.PublishPlaced
			if !c.placed {
				publish = p.Publish
				for i := range sent {
					sent[i].Key = keyOf(sent[i].Partition, partitions)
				}
			}
			if err := publish(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			for i, topic := range topics.Names {
				of := slices.DeleteFunc(slices.Clone(sent), func(m kafka.Message) bool { return m.Topic != topic })
				want := valuesByPartition(of, partitions)
				wantPartitions(t, kafkatest.Topics{Brokers: topics.Brokers, Names: topics.Names[i:]}, want)
			}
			for _, topic := range topics.Names {
				if got := testutil.ToFloat64(p.topic(topic).messages); got != 300 {
					t.Errorf("%v messages counted for %s, want 300", got, topic)
				}
			}
		})
	}
}

func TestFailureNamesTopicAndPartition(t *testing.T) {
	t.Parallel()
	cluster, p := newSeveral(t, 1)
	cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: several[1], Partitions: []int32{2}, Err: kerr.TopicAuthorizationFailed, Count: -1,
	})
	err := p.PublishPlaced(t.Context(), amongSeveral(120, 4, several...))
	var failed *PublishError
	if !errors.As(err, &failed) || !errors.Is(err, ErrRefused) || len(failed.Failures) != 10 {
		t.Fatalf("error: %v", err)
	}
	want := schema.TopicPartition{Topic: several[1], Partition: 2}
	if got := failed.FailedPartitions(); !slices.Equal(got, []schema.TopicPartition{want}) {
		t.Errorf("partitions named as failed: %v, want %v", got, want)
	}
	if !strings.Contains(err.Error(), "10 of 120") || !strings.Contains(err.Error(), want.String()) {
		t.Errorf("the error names another place: %v", err)
	}
	for i, topic := range several {
		lost := []float64{0, 10, 0}[i]
		if got := testutil.ToFloat64(p.topic(topic).failures[reasonRefused]); got != lost {
			t.Errorf("%v failures counted for %s, want %v", got, topic, lost)
		}
		if got := testutil.ToFloat64(p.topic(topic).messages); got != 40-lost {
			t.Errorf("%v messages counted for %s, want %v", got, topic, 40-lost)
		}
	}
}

// A topic that is not there yet holds the others of its call up no more than it must, and
// what was for it is stored soon after it is created.
func TestTopicThatIsCreatedLater(t *testing.T) {
	t.Parallel()
	const partitions = 3
	topics := kafkatest.NewTopics(t, partitions, "early")
	early, late := topics.Names[0], topics.Names[0]+"-late"
	p := newPublisher(t, Config{Brokers: topics.Brokers})
	if err := p.Publish(t.Context(), to(early, messages(10, 10))); err != nil {
		t.Fatal(err)
	}
	both := append(to(late, messages(30, 30)), to(early, messages(30, 30))...)
	done := make(chan error, 1)
	go func() { done <- p.Publish(t.Context(), both) }()
	await(t, func() bool { return topics.Messages(t, early) == 40 && testutil.ToFloat64(p.topic(late).retries) > 2 })

	created := createTopic(t, topics.Brokers, late, partitions)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(created); took > 5*time.Second {
		t.Errorf("it took %s until the new topic's messages were stored", took)
	} else {
		t.Logf("stored %s after the topic was created", took)
	}
	if got := topics.Messages(t, late); got != 30 {
		t.Errorf("%d messages on the new topic, want 30", got)
	}
}

// createTopic creates a topic for the test and returns when that was.
func createTopic(t *testing.T, brokers []string, name string, partitions int) time.Time {
	t.Helper()
	transport := &kafka.Transport{MetadataTopics: []string{name}}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(brokers...), Transport: transport, Timeout: 20 * time.Second}
	answer, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil || answer.Errors[name] != nil {
		t.Fatal(err, answer)
	}
	t.Cleanup(func() { kafkatest.Topics{Brokers: brokers, Names: []string{name}}.Delete(t) })
	return time.Now()
}

func TestTopicThatNeverComesIsGivenUpAlone(t *testing.T) {
	t.Parallel()
	cluster, p := newSeveral(t, 1)
	msgs := append(to("missing", messages(5, 5)), to(several[0], messages(20, 20))...)
	err := p.Publish(t.Context(), msgs)
	var failed *PublishError
	if !errors.As(err, &failed) || !errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, ErrRefused) {
		t.Fatalf("error: %v", err)
	}
	want := schema.TopicPartition{Topic: "missing", Partition: -1}
	if got := failed.FailedPartitions(); len(failed.Failures) != 5 || !slices.Equal(got, []schema.TopicPartition{want}) {
		t.Errorf("named as failed: %v", failed.Failures)
	}
	stored := int64(0)
	for partition := range int32(4) {
		stored += cluster.PartitionInfo(several[0], partition).HighWatermark
	}
	if stored != 20 {
		t.Errorf("%d messages on the topic that is there, want 20", stored)
	}
	if got := p.sessions.dropped(); got != 0 {
		t.Errorf("the connections, which the other topics use, were thrown away %d times", got)
	}
}

// A publisher's own topics only: to ask about all topics of a cluster is dear.
func TestBrokersAreAskedAboutThePublishersTopics(t *testing.T) {
	t.Parallel()
	cluster, p := newSeveral(t, 1)
	var all, most atomic.Int64
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked := request.(*kmsg.MetadataRequest).Topics
		if len(asked) == 0 {
			all.Add(1)
		}
		most.Store(max(most.Load(), int64(len(asked))))
		return nil, nil, false
	})
	for _, topic := range several[:2] {
		if err := p.Publish(t.Context(), to(topic, messages(3, 3))); err != nil {
			t.Fatal(err)
		}
	}
	if all.Load() != 0 || most.Load() != 2 {
		t.Errorf("asked %d times about every topic, and about %d at most, want 2", all.Load(), most.Load())
	}
}

func TestTopicsAreAddedFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const topics, callers = 20, 8
	names := make([]string, topics)
	for i := range names {
		names[i] = fmt.Sprintf("many-%d", i)
	}
	cluster := newFake(t, kfake.SeedTopics(1, names...))
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range topics {
				if err := p.Publish(t.Context(), to(names[(i+caller)%topics], messages(2, 2))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, name := range names {
		if got := cluster.PartitionInfo(name, 0).HighWatermark; got != 2*callers {
			t.Errorf("%s holds %d messages, want %d", name, got, 2*callers)
		}
	}
}

func TestMetricsOfTopicsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxTopics + 5 {
		m.add(fmt.Sprint(i), func() {}).messages.Inc()
	}
	if n := testutil.CollectAndCount(m.messages); n != maxTopics+1 {
		t.Errorf("%d labels for %d topics, want %d", n, maxTopics+5, maxTopics+1)
	}
	if got := testutil.ToFloat64(m.messages.WithLabelValues(otherTopics)); got != 5 {
		t.Errorf("%v messages of other topics, want 5", got)
	}
}
