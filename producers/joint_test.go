package producers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tajdeed/schema"
	"tajdeed/schema/kafkatest"
)

// placed makes n messages that name partitions in turn; the values count up.
func placed(n, partitions int) []kafka.Message {
	msgs := messages(n, partitions)
	for i := range msgs {
		msgs[i].Partition = i % partitions
	}
	return msgs
}

// valuesFor returns the values of the messages that name a partition.
func valuesFor(msgs []kafka.Message, partition int) []string {
	var values []string
	for _, m := range msgs {
		if m.Partition == partition {
			values = append(values, string(m.Value))
		}
	}
	return values
}

// wantPartitions compares partitions with what they should hold, in order.
func wantPartitions(t *testing.T, topics kafkatest.Topics, want [][]string) {
	t.Helper()
	for partition := range want {
		got := valuesFor(readAll(t, topics.Brokers, topics.Names[0], partition), partition)
		if !slices.Equal(got, want[partition]) {
			t.Errorf("partition %d holds %d messages, want %d in their order: %.200v", partition, len(got), len(want[partition]), got)
		}
	}
}

func valuesByPartition(msgs []kafka.Message, partitions int) [][]string {
	values := make([][]string, partitions)
	for p := range values {
		values[p] = valuesFor(msgs, p)
	}
	return values
}

func TestPublishPlacedKeepsEachPartitionsOrder(t *testing.T) {
	t.Parallel()
	const partitions = 12
	for name, config := range map[string]Config{
		"one request":            {},
		"several of each broker": {MaxBatchBytes: 20_000},
		"several of each run":    {MaxBatchBytes: 700},
		"gzip":                   {Compression: kafka.Gzip},
		"snappy":                 {Compression: kafka.Snappy},
		"lz4":                    {Compression: kafka.Lz4},
		"zstd":                   {Compression: kafka.Zstd},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topics := kafkatest.NewTopics(t, partitions, "placed")
			config.Brokers = topics.Brokers
			p := newPublisher(t, config)
			sent := placed(1_000, partitions)
			if err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent)); err != nil {
				t.Fatal(err)
			}
			wantPartitions(t, topics, valuesByPartition(sent, partitions))
		})
	}
}

func TestJointRequestKeepsNullsAndHeaders(t *testing.T) {
	t.Parallel()
	topics := kafkatest.NewTopics(t, 2, "nulls")
	p := newPublisher(t, Config{Brokers: topics.Brokers})
	headers := []kafka.Header{{Key: "ce_id", Value: []byte("1")}}
	sent := []kafka.Message{
		{Partition: 0, Key: nil, Value: []byte("no key"), Headers: headers},
		{Partition: 1, Key: []byte("no value"), Value: nil, Headers: headers},
		{Partition: 1, Key: []byte{}, Value: []byte{}, Headers: headers},
	}
	if err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent)); err != nil {
		t.Fatal(err)
	}
	read := append(fetch(t, topics, 0), fetch(t, topics, 1)...)
	if len(read) != len(sent) {
		t.Fatalf("%d messages in the log, %d sent", len(read), len(sent))
	}
	for i, r := range read {
		if (r.Key == nil) != (sent[i].Key == nil) || (r.Value == nil) != (sent[i].Value == nil) || len(r.Headers) != 1 {
			t.Errorf("message %d: key %v, value %v, headers %v", i, r.Key, r.Value, r.Headers)
		}
	}
}

// fetch reads the start of a partition. Unlike readAll it tells nulls from empty bytes.
func fetch(t *testing.T, topics kafkatest.Topics, partition int) []kafka.Record {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(topics.Brokers...), Transport: transport}
	answer, err := client.Fetch(t.Context(), &kafka.FetchRequest{
		Topic: topics.Names[0], Partition: partition, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second,
	})
	if err != nil || answer.Error != nil {
		t.Fatal(err, answer)
	}
	var fetched []kafka.Record
	for {
		record, err := answer.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return fetched
		}
		if err != nil {
			t.Fatal(err)
		}
		fetched = append(fetched, *record)
	}
}

func TestRefusingPartitionDelaysNoOther(t *testing.T) {
	t.Parallel()
	const partitions, refusing, large = 6, 4, 34 // message 34 goes to partition 4
	topics := kafkatest.NewTopics(t, partitions, "refusing")
	p := newPublisher(t, Config{Brokers: topics.Brokers, MaxBatchBytes: 4 << 20})
	sent := placed(60, partitions)
	sent[large].Value = []byte(strings.Repeat("x", 2<<20))

	err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent))
	var failed *PublishError
	if !errors.As(err, &failed) || !errors.Is(err, kafka.MessageSizeTooLarge) {
		t.Fatalf("error: %v", err)
	}
	want := []int{34, 40, 46, 52, 58}
	if got := indices(failed, refusing); !slices.Equal(got, want) || len(failed.Failures) != len(want) {
		t.Errorf("messages named as failed: %v, want %v", failed.Failures, want)
	}
	if got := failed.FailedPartitions(); !slices.Equal(got, []schema.TopicPartition{{Topic: topics.Names[0], Partition: refusing}}) {
		t.Errorf("partitions named as failed: %v, want %d", got, refusing)
	}
	stored := valuesByPartition(sent, partitions)
	stored[refusing] = valuesFor(sent[:large], refusing)
	wantPartitions(t, topics, stored)
}

// indices returns the messages that failed for a partition.
func indices(failed *PublishError, partition int) []int {
	var at []int
	for _, f := range failed.Failures {
		if f.Partition == partition {
			at = append(at, f.Index)
		}
	}
	return at
}

func TestPublishPlacedWhereThereIsNoPartition(t *testing.T) {
	t.Parallel()
	topics := kafkatest.NewTopics(t, 3, "none")
	p := newPublisher(t, Config{Brokers: topics.Brokers, MaxAttempts: 2})
	sent := placed(30, 3)
	for _, i := range []int{4, 7, 29} {
		sent[i].Partition = 3
	}
	sent[11].Partition = -1

	err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent))
	var failed *PublishError
	if !errors.As(err, &failed) || !errors.Is(err, protocol.ErrNoPartition) {
		t.Fatalf("error: %v", err)
	}
	if len(failed.Failures) != 4 || !slices.Equal(indices(failed, 3), []int{4, 7, 29}) || !slices.Equal(indices(failed, -1), []int{11}) {
		t.Errorf("messages named as failed: %v", failed.Failures)
	}
	wantPartitions(t, topics, valuesByPartition(sent, 3))
}

// cutter makes connections, of which one breaks at the first produce request: before the
// broker has the request, or when the answer is on its way.
type cutter struct {
	cut          atomic.Bool
	answerIsLost bool
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return &cuttable{Conn: conn, cutter: c}, err
}

type cuttable struct {
	net.Conn

	cutter *cutter
}

func (c *cuttable) Write(request []byte) (int, error) {
	isProduce := len(request) > 6 && binary.BigEndian.Uint16(request[4:]) == uint16(protocol.Produce)
	if !isProduce || c.cutter.cut.Swap(true) {
		return c.Conn.Write(request)
	}
	defer c.Close()
	if !c.cutter.answerIsLost {
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Write(request)
	if err == nil {
		_, err = c.Read(make([]byte, 1)) // it is stored now
	}
	return n, err
}

func TestConnectionBreaksAtJointRequest(t *testing.T) {
	t.Parallel()
	const partitions = 12
	for name, times := range map[string]int{"request lost": 1, "answer lost": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			topics := kafkatest.NewTopics(t, partitions, "cut")
			p := newPublisher(t, Config{Brokers: topics.Brokers})
			cutter := &cutter{answerIsLost: times == 2}
			p.sessions.dialBy(cutter.dial)
			sent := placed(120, partitions)
			if err := p.PublishPlaced(t.Context(), to(topics.Names[0], sent)); err != nil {
				t.Fatal(err)
			}
			want := valuesByPartition(sent, partitions)
			for i := range want {
				want[i] = slices.Repeat(want[i], times)
			}
			wantPartitions(t, topics, want)
			if got := testutil.ToFloat64(p.topic(topics.Names[0]).retries); got != partitions || !cutter.cut.Load() {
				t.Errorf("%v batches sent again, want each of %d", got, partitions)
			}
			if got := p.sessions.dropped(); got != 1 {
				t.Errorf("connections thrown away %d times, want once for all", got)
			}
		})
	}
}

const spread = "spread"

// newSpread has a topic of 12 partitions on fake brokers.
func newSpread(t *testing.T, brokers int) (*kfake.Cluster, *Publisher) {
	t.Helper()
	cluster := newFake(t, kfake.NumBrokers(brokers), kfake.SeedTopics(12, spread))
	config := faultyConfig(cluster.ListenAddrs()...)
	config.MaxAttempts = 4
	return cluster, newPublisher(t, config)
}

func produceFault(refusal *kerr.Error, count int, partitions ...int32) kfake.Fault {
	return kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: refusal, Count: count, Partitions: partitions}
}

// produceRequests counts the produce requests that reach the brokers.
func produceRequests(cluster *kfake.Cluster) *kfake.FaultHandle {
	return cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Count: -1, Observe: true})
}

func TestOneRequestForAllPartitionsOfABroker(t *testing.T) {
	t.Parallel()
	for _, brokers := range []int{1, 3} {
		t.Run(fmt.Sprint(brokers), func(t *testing.T) {
			t.Parallel()
			cluster, p := newSpread(t, brokers)
			leaders := make(map[int32]bool)
			for partition := range int32(12) {
				leaders[cluster.LeaderFor(spread, partition)] = true
			}
			requests := produceRequests(cluster)
			if err := p.PublishPlaced(t.Context(), to(spread, placed(120, 12))); err != nil {
				t.Fatal(err)
			}
			if got := requests.Hits(); got != len(leaders) {
				t.Errorf("%d requests for %d leaders", got, len(leaders))
			}
			byKey := messages(120, 120)
			if err := p.Publish(t.Context(), to(spread, byKey)); err != nil {
				t.Fatal(err)
			}
			if got := requests.Hits(); got != 2*len(leaders) {
				t.Errorf("%d requests for two calls to %d leaders", got, len(leaders))
			}
		})
	}
}

func TestOnlyTheRefusedPartitionIsSentAgain(t *testing.T) {
	t.Parallel()
	cluster, p := newSpread(t, 1)
	requests := produceRequests(cluster)
	cluster.Fault(produceFault(kerr.NotLeaderForPartition, 2, 5))
	if err := p.PublishPlaced(t.Context(), to(spread, placed(120, 12))); err != nil {
		t.Fatal(err)
	}
	if got := requests.Hits(); got != 3 {
		t.Errorf("%d requests, want the joint one and two for the partition that failed", got)
	}
	if got := testutil.ToFloat64(p.topic(spread).retries); got != 2 {
		t.Errorf("%v retries counted", got)
	}
	for partition := range int32(12) {
		if got := cluster.PartitionInfo(spread, partition).HighWatermark; got < 10 || (partition != 5 && got > 10) {
			t.Errorf("partition %d holds %d messages", partition, got)
		}
	}
}

func TestJointRequestIsTheFirstAttempt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusal *kerr.Error
		want    int
	}{
		"may pass": {kerr.NotEnoughReplicas, 1 + 12*3},
		"final":    {kerr.TopicAuthorizationFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, p := newSpread(t, 1)
			fault := cluster.Fault(produceFault(c.refusal, -1))
			err := p.PublishPlaced(t.Context(), to(spread, placed(120, 12)))
			var failed *PublishError
			if !errors.As(err, &failed) || len(failed.Failures) != 120 || errors.Is(err, ErrRefused) != (c.want == 1) {
				t.Errorf("error: %v", err)
			}
			if got := fault.Hits(); got != c.want {
				t.Errorf("%d requests, want %d", got, c.want)
			}
			if p.Ready() == nil {
				t.Error("ready, while nothing gets through")
			}
		})
	}
}

// The broker has the joint request and does not answer.
func TestEndOfContextEndsTheJointRequest(t *testing.T) {
	t.Parallel()
	cluster, p := newSpread(t, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopping := errors.New("stopping")
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cancel(stopping)
		cluster.SleepControl(func() { <-t.Context().Done() })
		return nil, nil, false
	})
	err := p.PublishPlaced(ctx, to(spread, placed(24, 12)))
	var failed *PublishError
	if !errors.As(err, &failed) || len(failed.Failures) != 24 || !errors.Is(err, stopping) {
		t.Errorf("error: %v", err)
	}
	if got := testutil.ToFloat64(p.topic(spread).failures[reasonContext]); got != 24 {
		t.Errorf("%v messages counted as context_ended", got)
	}
}

func TestMovedLeaderAmongSeveral(t *testing.T) {
	t.Parallel()
	cluster, p := newSpread(t, 3)
	for move := range 6 {
		if err := cluster.MoveTopicPartition(spread, 7, int32(move%3)); err != nil {
			t.Fatal(err)
		}
		if err := p.PublishPlaced(t.Context(), to(spread, placed(24, 12))); err != nil {
			t.Fatal(err)
		}
	}
	for partition := range int32(12) {
		if got := cluster.PartitionInfo(spread, partition).HighWatermark; got != 12 {
			t.Errorf("partition %d holds %d messages, want 12", partition, got)
		}
	}
}

func TestGroupsAreOfOneLeaderAndFitARequest(t *testing.T) {
	t.Parallel()
	msgs := placed(10, 10)
	size := messageBytes(&msgs[0])
	c := call{msgs: msgs, topics: []callTopic{{}}}
	c.splitByPlace()
	for partition, leader := range []int32{1, 2, 1, noLeader, 1, 2, noLeader, 1, 1} { // 9 is not known
		c.topics[0].leaders = append(c.topics[0].leaders, metadata.ResponsePartition{PartitionIndex: int32(partition), LeaderID: leader})
	}
	var got [][]int
	for _, g := range c.groups(3 * size) {
		got = append(got, g.runs)
	}
	want := [][]int{{0, 2, 4}, {1, 5}, {3}, {6}, {7, 8}, {9}}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("groups %v, want %v", got, want)
	}
}
