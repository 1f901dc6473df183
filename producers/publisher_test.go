package producers

import (
	"bytes"
	"context"
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

	"tajdeed/schema/kafkatest"
)

func newPublisher(t testing.TB, config Config) *Publisher {
	t.Helper()
	p, err := NewPublisher(config, nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// messages makes n messages of some keys; the values count up.
func messages(n, keys int) []kafka.Message {
	msgs := make([]kafka.Message, n)
	for i := range msgs {
		msgs[i] = kafka.Message{
			Key:     fmt.Appendf(nil, "2900101%05d", i%keys),
			Value:   fmt.Appendf(nil, "%08d", i),
			Headers: []kafka.Header{{Key: "ce_id", Value: fmt.Append(nil, i)}},
		}
	}
	return msgs
}

// to names a topic in messages, and returns them.
func to(topic string, msgs []kafka.Message) []kafka.Message {
	for i := range msgs {
		msgs[i].Topic = topic
	}
	return msgs
}

// keyOf finds a key that chooses a partition.
func keyOf(partition, partitions int) []byte {
	choices := make([]int, partitions)
	for i := range choices {
		choices[i] = i
	}
	for n := 0; ; n++ {
		key := fmt.Appendf(nil, "2900101%05d", n)
		if (kafka.Murmur2Balancer{}).Balance(kafka.Message{Key: key}, choices...) == partition {
			return key
		}
	}
}

// readAll reads a partition from its start to its end.
func readAll(t testing.TB, brokers []string, topic string, partition int) []kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", brokers[0], topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	end, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	var msgs []kafka.Message
	for int64(len(msgs)) < end {
		m, err := conn.ReadMessage(2 << 20)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, m)
	}
	return msgs
}

// valuesOfKey returns the values of the messages with a key.
func valuesOfKey(msgs []kafka.Message, key []byte) []string {
	var values []string
	for i := range msgs {
		if bytes.Equal(msgs[i].Key, key) {
			values = append(values, string(msgs[i].Value))
		}
	}
	return values
}

func TestPublishKeepsEachKeysOrderInOnePartition(t *testing.T) {
	t.Parallel()
	const partitions, keys = 4, 23
	topics := kafkatest.NewTopics(t, partitions, "order")
	p := newPublisher(t, Config{Brokers: topics.Brokers, MaxBatchBytes: 2_000})
	sent := messages(5_000, keys)
	if err := p.Publish(t.Context(), to(topics.Names[0], sent)); err != nil {
		t.Fatal(err)
	}

	var read []kafka.Message
	choices := []int{0, 1, 2, 3}
	for partition := range partitions {
		got := readAll(t, topics.Brokers, topics.Names[0], partition)
		for _, m := range got {
			if want := (kafka.Murmur2Balancer{}).Balance(m, choices...); want != partition {
				t.Fatalf("key %s lies in partition %d, Java's client would choose %d", m.Key, partition, want)
			}
		}
		read = append(read, got...)
	}
	if len(read) != len(sent) {
		t.Fatalf("%d messages in the log, %d sent", len(read), len(sent))
	}
	for i := range keys {
		if want, got := valuesOfKey(sent, sent[i].Key), valuesOfKey(read, sent[i].Key); !slices.Equal(want, got) {
			t.Errorf("key %s: order %v", sent[i].Key, got)
		}
	}
	if read[0].Headers[0].Key != "ce_id" {
		t.Errorf("headers: %v", read[0].Headers)
	}
}

// The keys and hashes are those of the tests of Kafka's own Utils.murmur2.
func TestPartitionsAreThoseOfJava(t *testing.T) {
	t.Parallel()
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "abc": 479470107,
	} {
		const n = 12
		choices := make([]int, n)
		for i := range choices {
			choices[i] = i
		}
		want := int(hash&0x7fffffff) % n
		if got := (kafka.Murmur2Balancer{}).Balance(kafka.Message{Key: []byte(key)}, choices...); got != want {
			t.Errorf("key %q: partition %d, Java's is %d", key, got, want)
		}
	}
}

func TestPublishToOnePartition(t *testing.T) {
	t.Parallel()
	topics := kafkatest.NewTopics(t, 3, "decisions")
	p := newPublisher(t, Config{Brokers: topics.Brokers, MaxBatchBytes: 5_000})
	sent := messages(1_000, 7)
	for i := range sent {
		sent[i].Partition = 2
	}
	if err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent)); err != nil {
		t.Fatal(err)
	}
	read := readAll(t, topics.Brokers, topics.Names[0], 2)
	if !slices.EqualFunc(read, sent, func(a, b kafka.Message) bool { return bytes.Equal(a.Value, b.Value) }) {
		t.Fatalf("the partition holds %d messages, not the %d sent in their order", len(read), len(sent))
	}
}

func TestPublishFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const callers, calls = 16, 20
	topics := kafkatest.NewTopics(t, 3, "many")
	p := newPublisher(t, Config{Brokers: topics.Brokers})
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for call := range calls {
				m := kafka.Message{Key: fmt.Append(nil, caller), Value: fmt.Append(nil, call)}
				if err := p.Publish(t.Context(), to(topics.Names[0], []kafka.Message{m})); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()

	var read []kafka.Message
	for partition := range 3 {
		read = append(read, readAll(t, topics.Brokers, topics.Names[0], partition)...)
	}
	for caller := range callers {
		for call, value := range valuesOfKey(read, fmt.Append(nil, caller)) {
			if value != fmt.Sprint(call) {
				t.Fatalf("caller %d: message %s lies at place %d", caller, value, call)
			}
		}
	}
	if got := testutil.ToFloat64(p.topic(topics.Names[0]).messages); got != callers*calls || len(read) != callers*calls {
		t.Errorf("%d messages in the log, %v counted, %d sent", len(read), got, callers*calls)
	}
}

func TestTooLargeMessageIsNamedAndStopsItsPartitionOnly(t *testing.T) {
	t.Parallel()
	topics := kafkatest.NewTopics(t, 2, "large")
	p := newPublisher(t, Config{Brokers: topics.Brokers, MaxBatchBytes: 4 << 20})
	topic := topics.Names[0]
	sent := messages(40, 40)
	sent[20].Value = []byte(strings.Repeat("x", 2<<20))

	err := p.Publish(t.Context(), to(topic, sent))
	var failed *PublishError
	if !errors.As(err, &failed) || !errors.Is(err, ErrRefused) || !errors.Is(err, kafka.MessageSizeTooLarge) {
		t.Fatalf("error: %v", err)
	}
	if first := failed.Failures[0]; first.Index != 20 || !errors.Is(first.Err, ErrRefused) {
		t.Errorf("first failure: %+v", first)
	}
	for _, f := range failed.Failures[1:] {
		if !errors.Is(f.Err, ErrNotSent) || f.Index < 20 || f.Partition != failed.Failures[0].Partition {
			t.Errorf("behind it: %+v", f)
		}
	}
	stored := len(readAll(t, topics.Brokers, topic, 0)) + len(readAll(t, topics.Brokers, topic, 1))
	if stored+len(failed.Failures) != len(sent) {
		t.Errorf("%d stored, %d named as failed, %d sent", stored, len(failed.Failures), len(sent))
	}
	if got := testutil.ToFloat64(p.topic(topic).failures[reasonTooLarge]); got != 1 {
		t.Errorf("failures of reason too_large: %v", got)
	}
}

func TestLoneMessageDoesNotWaitForOthers(t *testing.T) {
	t.Parallel()
	topics := kafkatest.NewTopics(t, 1, "lone")
	p := newPublisher(t, Config{Brokers: topics.Brokers})
	const n = 50
	took := make([]time.Duration, n)
	for i := range n {
		start := time.Now()
		if err := p.Publish(t.Context(), to(topics.Names[0], messages(1, 1))); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	// A batch's time-out would slow every call down; a busy machine slows some.
	if median := took[n/2]; median > 100*time.Millisecond {
		t.Errorf("half of the lone messages took more than %s", median)
	}
	t.Logf("median %s", took[n/2])
}

func TestPublishRefusesWhatItCannotSend(t *testing.T) {
	t.Parallel()
	p := newPublisher(t, Config{Brokers: []string{"127.0.0.1:1"}})
	for _, publish := range []func(context.Context, []kafka.Message) error{p.Publish, p.PublishPlaced} {
		nameless := to("a", messages(3, 3))
		nameless[2].Topic = ""
		if err := publish(t.Context(), nameless); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "message 2 of 3 names no topic") {
			t.Errorf("a message without a topic: %v", err)
		}
		if err := publish(t.Context(), nil); err != nil {
			t.Errorf("nothing to publish: %v", err)
		}
	}
	_ = p.Close()
	if err := p.Publish(t.Context(), to("a", messages(1, 1))); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestConfiguredClockStampsMessages(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	noon := time.Date(2020, 5, 7, 9, 0, 0, 0, time.UTC)
	own := noon.Add(-time.Hour)
	config := faultyConfig(cluster.ListenAddrs()...)
	config.Now = func() time.Time { return noon }
	p := newPublisher(t, config)
	sent := messages(3, 3)
	sent[1].Time = own
	if err := p.Publish(t.Context(), to(faulty, sent)); err != nil {
		t.Fatal(err)
	}
	read := readAll(t, cluster.ListenAddrs(), faulty, 0)
	for i, want := range []time.Time{noon, own, noon} {
		if got := read[i].Time; !got.Equal(want) {
			t.Errorf("message %d is stamped %s, want %s", i, got, want)
		}
	}
}

// Each attempt reads the clock again, as the library does with the machine's.
func TestRetryIsStampedAgain(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 2})
	first := time.Date(2020, 5, 7, 9, 0, 0, 0, time.UTC)
	var reads atomic.Int64
	config := faultyConfig(cluster.ListenAddrs()...)
	config.Now = func() time.Time { return first.Add(time.Duration(reads.Add(1)) * time.Minute) }
	p := newPublisher(t, config)
	if err := p.Publish(t.Context(), to(faulty, messages(2, 1))); err != nil {
		t.Fatal(err)
	}
	for i, m := range readAll(t, cluster.ListenAddrs(), faulty, 0) {
		if want := first.Add(3 * time.Minute); !m.Time.Equal(want) {
			t.Errorf("message %d is stamped %s, want %s, the third attempt's", i, m.Time, want)
		}
	}
}

func TestMachinesClockStampsMessages(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	before := time.Now().Truncate(time.Millisecond)
	if err := p.Publish(t.Context(), to(faulty, messages(1, 1))); err != nil {
		t.Fatal(err)
	}
	if at := readAll(t, cluster.ListenAddrs(), faulty, 0)[0].Time; at.Before(before) || at.After(time.Now()) {
		t.Errorf("a message published after %s is stamped %s", before, at)
	}
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	good := Config{Brokers: []string{"a:1"}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no brokers":       func(c *Config) { c.Brokers = nil },
		"negative timeout": func(c *Config) { c.AttemptTimeout = -1 },
		"back-off upside":  func(c *Config) { c.MinBackOff = time.Minute },
	} {
		bad := good
		spoil(&bad)
		if bad.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	p, err := NewPublisher(Config{Brokers: []string{"a:1"}}, nil, registry)
	if err != nil {
		t.Fatal(err)
	}
	p.Prepare("t", "u")
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(registry, "tajdeed_publisher_retries_total"); err != nil || n != 2 {
		t.Errorf("%d series of retries for two prepared topics: %v", n, err)
	}
}
