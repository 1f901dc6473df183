package fetch

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tajdeed/schema"
)

// These tests show what kafka-go's own ways of reading do otherwise than this package. One
// that fails after an update of the library says what was mended there, and so what may be
// dropped here.

const topic = "topic"

// cluster is a broker with a topic of some partitions.
func cluster(t *testing.T, partitions int32) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic), kfake.DefaultNumPartitions(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// laid is the address of a broker on whose only partition lie two messages, at 0 and 1, as
// record batches of their own, each changed by its function, and then a transaction's
// marker, at 2, which aborts what a producer wrote from an offset on, if that is not below 0.
func laid(t *testing.T, abortedFrom int64, change ...func(batch []byte)) string {
	t.Helper()
	const producer = 7
	attributes, writer := protocol.Attributes(0), int64(-1)
	if abortedFrom >= 0 {
		attributes, writer = protocol.Transactional, producer
	}
	batches := [][]byte{
		encode(t, 0, writer, attributes, protocol.Record{Value: protocol.NewBytes([]byte("first"))}),
		encode(t, 1, writer, attributes, protocol.Record{Value: protocol.NewBytes([]byte("second"))}),
		encode(t, 2, producer, protocol.Transactional|protocol.Control,
			protocol.Record{Key: protocol.NewBytes([]byte{0, 0, 0, 0}), Value: protocol.NewBytes([]byte{0, 0, 0, 0, 0, 0})}),
	}
	for i, f := range change {
		f(batches[i])
	}
	c := cluster(t, 1)
	c.ControlKey(int16(protocol.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked := request.(*kmsg.FetchRequest).Topics[0].Partitions[0]
		answer := request.ResponseKind().(*kmsg.FetchResponse)
		p := kmsg.NewFetchResponseTopicPartition()
		p.HighWatermark, p.LastStableOffset = 3, 3
		p.RecordBatches = slices.Concat(batches[min(asked.FetchOffset, 3):]...)
		if abortedFrom >= 0 {
			p.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: producer, FirstOffset: abortedFrom}}
		}
		answer.Topics = []kmsg.FetchResponseTopic{{Topic: topic, Partitions: []kmsg.FetchResponseTopicPartition{p}}}
		return answer, nil, true
	})
	return c.ListenAddrs()[0]
}

// readByConn returns the values that the library's Conn delivers of committed messages.
func readByConn(t *testing.T, address string) (values []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := kafka.DialLeader(ctx, "tcp", address, topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Seek(0, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		t.Fatal(err)
	}
	batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second, IsolationLevel: kafka.ReadCommitted})
	for {
		m, err := batch.ReadMessage()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(m.Value))
	}
}

// readByUs returns the values that this package delivers, up to where, and what is wrong.
func readByUs(t *testing.T, address string, from int64) (values []string, to int64, err error) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	f := Fetcher{Transport: transport, Broker: kafka.TCP(address), MaxBytes: 1 << 20}
	r := &Run{TopicPartition: schema.TopicPartition{Topic: topic}, From: from, To: from}
	faults, err := f.Fetch(t.Context(), []*Run{r}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Messages {
		values = append(values, string(m.Value))
	}
	return values, r.To, faults[0]
}

const marker = "\x00\x00\x00\x00\x00\x00"

func TestConnDeliversMarkersAsMessages(t *testing.T) {
	t.Parallel()
	address := laid(t, -1)
	if got := readByConn(t, address); !slices.Equal(got, []string{"first", "second", marker}) {
		t.Errorf("the library delivers %q", got)
	}
	if got, to, err := readByUs(t, address, 0); !slices.Equal(got, []string{"first", "second"}) || to != 3 || err != nil {
		t.Errorf("%q up to %d, %v", got, to, err)
	}
}

func TestConnDeliversAbortedMessages(t *testing.T) {
	t.Parallel()
	address := laid(t, 0)
	if got := readByConn(t, address); !slices.Equal(got, []string{"first", "second", marker}) {
		t.Errorf("the library delivers %q", got)
	}
	if got, to, err := readByUs(t, address, 0); len(got) > 0 || to != 3 || err != nil {
		t.Errorf("%q up to %d, %v", got, to, err)
	}
}

func TestConnChecksNoChecksum(t *testing.T) {
	t.Parallel()
	address := laid(t, -1, func([]byte) {}, func(batch []byte) { batch[len(batch)-2] ^= 1 }) // the last letter
	if got := readByConn(t, address); len(got) != 3 || got[1] != "secone" {
		t.Errorf("the library delivers %q", got)
	}
	if got, to, err := readByUs(t, address, 0); !slices.Equal(got, []string{"first"}) || to != 1 || !errors.Is(err, errChecksum) {
		t.Errorf("%q up to %d, %v", got, to, err)
	}
}

// Where nothing but a marker lies at the end, the library's Client shows no message, and
// nothing else that says how to get past it: who goes on after the last message asks for the
// same for ever, without a wait, since there is something to answer.
func TestClientShowsNoWayPastAMarker(t *testing.T) {
	t.Parallel()
	address := laid(t, -1)
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(address), Transport: transport}
	answer, err := client.Fetch(t.Context(), &kafka.FetchRequest{Topic: topic, Offset: 2, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
	if err != nil || answer.Error != nil {
		t.Fatal(err, answer.Error)
	}
	if m, err := answer.Records.ReadRecord(); !errors.Is(err, io.EOF) || answer.HighWatermark != 3 {
		t.Errorf("the library shows %v of %d, %v", m, answer.HighWatermark, err)
	}
	if got, to, err := readByUs(t, address, 2); len(got) > 0 || to != 3 || err != nil {
		t.Errorf("%q up to %d, %v", got, to, err)
	}
}

// filled is a cluster with some messages in each partition.
func filled(t *testing.T, partitions int32, messages int) (*kfake.Cluster, *kgo.Client) {
	t.Helper()
	c := cluster(t, partitions)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for partition := range partitions {
		for range messages {
			m := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("value")}
			if err := client.ProduceSync(t.Context(), m).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c, client
}

// Where messages were deleted before they were read, the library's Reader goes on after
// them, and says so only to a logger.
func TestReaderJumpsOverAGap(t *testing.T) {
	t.Parallel()
	c, client := filled(t, 1, 10)
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 5}}}}
	if _, err := client.Request(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: c.ListenAddrs(), Topic: topic, MaxWait: 100 * time.Millisecond})
	defer reader.Close()
	if err := reader.SetOffset(2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if m, err := reader.FetchMessage(ctx); err != nil || m.Offset != 5 {
		t.Errorf("after 2 the library reads %d, %v", m.Offset, err)
	}
	if got, to, err := readByUs(t, c.ListenAddrs()[0], 2); len(got) > 0 || to != 2 || !errors.Is(err, ErrGap) {
		t.Errorf("%q up to %d, %v, want %v", got, to, err, ErrGap)
	}
}

// groupReader is a Reader of a consumer group.
func groupReader(t *testing.T, c *kfake.Cluster) *kafka.Reader {
	t.Helper()
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: c.ListenAddrs(), Topic: topic, GroupID: "group", StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
		HeartbeatInterval: 100 * time.Millisecond, JoinGroupBackoff: 100 * time.Millisecond,
	})
	t.Cleanup(func() { r.Close() })
	return r
}

// readUntil reads messages, and commits none, until one is the last that is wanted.
func readUntil(t *testing.T, r *kafka.Reader, last func(kafka.Message) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if last(m) {
			return
		}
	}
}

// A Reader commits in the name of whatever generation it is in by then. So one that still
// works on a message of a partition that has long gone to another, commits over what that
// one has committed, without an error.
func TestReaderRewindsAnotherConsumer(t *testing.T) {
	t.Parallel()
	const messages = 10
	c, client := filled(t, 2, messages)
	first := groupReader(t, c)
	stale := map[int]kafka.Message{}
	readUntil(t, first, func(m kafka.Message) bool {
		stale[m.Partition] = m
		return len(stale) == 2
	})
	second := groupReader(t, c)
	var last kafka.Message // the second has it when the first has joined the new generation too
	readUntil(t, second, func(m kafka.Message) bool {
		last = m
		return m.Offset == messages-1
	})
	if err := second.CommitMessages(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if got := committed(t, client, last.Partition); got != messages {
		t.Fatalf("committed up to %d, want %d", got, messages)
	}
	lost := stale[last.Partition]
	lost.Offset = 0
	if err := first.CommitMessages(t.Context(), lost); err != nil {
		t.Fatalf("the library refuses a commit of a partition that was lost: %v", err)
	}
	if got := committed(t, client, last.Partition); got != 1 {
		t.Errorf("committed up to %d, want 1: the library rewinds another no longer", got)
	}
}

func committed(t *testing.T, client *kgo.Client, partition int) int64 {
	t.Helper()
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = "group"
	request.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: topic, Partitions: []int32{int32(partition)}}}
	request.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "group", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: topic, Partitions: []int32{int32(partition)}}}}}
	response, err := client.Request(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	answer := response.(*kmsg.OffsetFetchResponse)
	if len(answer.Groups) > 0 {
		return answer.Groups[0].Topics[0].Partitions[0].Offset
	}
	return answer.Topics[0].Partitions[0].Offset
}
