package fetch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// asked are runs of partitions that are written as "topic/3".
func asked(names ...string) []*Run {
	runs := make([]*Run, len(names))
	for i, name := range names {
		runs[i] = &Run{}
		if _, err := fmt.Sscanf(name, "%1s/%d", &runs[i].Topic, &runs[i].Partition); err != nil {
			panic(err)
		}
	}
	return runs
}

// A broker serves partitions in the order in which they are asked for, so the request keeps
// the runs' order, whichever topics they are of.
func TestARequestKeepsTheOrder(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		runs []string
		want string
	}{
		{"one topic", []string{"a/3", "a/1"}, "[a[3 1]]"},
		{"two topics", []string{"b/0", "b/1", "a/0"}, "[b[0 1] a[0]]"},
		{"a topic that comes again", []string{"a/1", "b/0", "b/2", "a/0"}, "[a[1] b[0 2] a[0]]"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, topic := range new(Fetcher).request(asked(tc.runs...), 0).Topics {
				var partitions []int32
				for _, p := range topic.Partitions {
					partitions = append(partitions, p.Partition)
				}
				got = append(got, fmt.Sprint(topic.Topic, partitions))
			}
			if fmt.Sprint(got) != tc.want {
				t.Errorf("asks for %s, want %s", got, tc.want)
			}
		})
	}
}

// Each answer is found for its run, in whichever order a broker gives them; every run has
// one, and nothing else is answered.
func TestAnswersAreFoundForTheirRuns(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name           string
		asked, answers []string // an answer with messages ends in !
		want           error
	}{
		{"as asked", []string{"a/0", "b/0", "a/1"}, []string{"a/0", "b/0", "a/1"}, nil},
		{"by topic", []string{"a/0", "b/0", "a/1"}, []string{"a/0", "a/1", "b/0"}, nil},
		{"one is missing", []string{"a/0", "b/0"}, []string{"a/0"}, errOtherPartitions},
		{"one is left out of an answer that is full", []string{"a/0", "b/0"}, []string{"a/0!"}, nil},
		{"one comes twice", []string{"a/0", "b/0"}, []string{"a/0", "a/0"}, errOtherPartitions},
		{"of another topic", []string{"a/0", "b/0"}, []string{"a/0", "c/0"}, errOtherPartitions},
		{"one too many", []string{"a/0"}, []string{"a/0", "b/0"}, errOtherPartitions},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var message answer
			for _, name := range tc.answers {
				name, full := strings.CutSuffix(name, "!")
				r := asked(name)[0]
				given := partitionAnswer{topic: []byte(r.Topic), partition: r.Partition}
				if full {
					given.records = []byte("records")
				}
				message.partitions = append(message.partitions, given)
			}
			runs := asked(tc.asked...)
			found, err := answersTo(runs, &message)
			if !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			for i, a := range found {
				if a == nil && len(tc.answers) < len(tc.asked) {
					continue
				}
				if string(a.topic) != runs[i].Topic || a.partition != runs[i].Partition {
					t.Errorf("%s was given what was answered about %s/%d", runs[i].TopicPartition, a.topic, a.partition)
				}
			}
		})
	}
}

// Partitions of several topics are fetched with one request.
func TestTopicsShareARequest(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	runs := asked("b/1", "a/0", "b/0", "a/1")
	for _, r := range runs {
		m := &kgo.Record{Topic: r.Topic, Partition: int32(r.Partition), Value: []byte(r.String())}
		if err := client.ProduceSync(t.Context(), m).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	f := Fetcher{Transport: transport, Broker: kafka.TCP(c.ListenAddrs()...), MaxBytes: 1 << 20}
	faults, err := f.Fetch(t.Context(), runs, time.Second)
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	for _, r := range runs {
		values := make([]string, len(r.Messages))
		for i, m := range r.Messages {
			values[i] = string(m.Value)
		}
		if want := []string{r.String()}; !slices.Equal(values, want) || r.To != 1 {
			t.Errorf("of %s there came %q up to %d", r.TopicPartition, values, r.To)
		}
	}
}

// An answer that is full before it comes to a partition says nothing of it; the next one that is
// asked for it first does.
func TestPartitionLeftOut(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for _, topic := range []string{"a", "b", "c"} {
		m := &kgo.Record{Topic: topic, Value: []byte(strings.Repeat(topic, 1000))}
		if err := client.ProduceSync(t.Context(), m).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	f := Fetcher{Transport: transport, Broker: kafka.TCP(c.ListenAddrs()...), MaxBytes: 1500}
	runs := asked("a/0", "b/0", "c/0")
	if faults, err := f.Fetch(t.Context(), runs, time.Second); err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	if a, c := runs[0], runs[2]; len(a.Messages) != 1 || a.LeftOut || a.Behind() || len(c.Messages) != 0 || !c.LeftOut || !c.Behind() {
		t.Errorf("the first has %d messages, the last %d; left out: %v, %v", len(a.Messages), len(c.Messages), a.LeftOut, c.LeftOut)
	}
	slices.Reverse(runs)
	if faults, err := f.Fetch(t.Context(), runs, time.Second); err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	if c := runs[0]; len(c.Messages) != 1 || c.LeftOut || c.HighWatermark != 1 {
		t.Errorf("the last has %d messages, left out: %v, up to %d", len(c.Messages), c.LeftOut, c.HighWatermark)
	}
}

// The topics that were asked for are compared with, so an answer's names cost no memory.
func TestTopicNamesCostNoMemory(t *testing.T) {
	runs, message := asked("a/0", "b/0"), &answer{}
	for _, r := range runs {
		message.partitions = append(message.partitions, partitionAnswer{topic: []byte(r.Topic), partition: r.Partition})
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = answersTo(runs, message) }); n > 1 { // the list of answers
		t.Errorf("%g allocations for an answer", n)
	}
}
