package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/cenkalti/backoff/v5"
	client "github.com/segmentio/kafka-go"
	wire "github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

	"tajdeed/schema"
)

// logReader reads runs of topics, fast: whole answers at a time, checked against
// their checksums, with one buffer for all messages.
type logReader struct {
	transport client.RoundTripper
	broker    net.Addr
	key       []byte
	value     []byte
	header    []schema.Header
}

// topicMessage is a message as it lies on its topic. Its bytes are valid until the next one
// is read.
type topicMessage struct {
	offset      int64
	publishedAt time.Time
	key, value  []byte
	headers     []schema.Header
}

const (
	fetchBytes   = 8 << 20
	fetchWait    = 100 * time.Millisecond
	fetchTimeout = 30 * time.Second
)

// newTransport is shared by all readers of a run.
func newTransport() *client.Transport { return &client.Transport{ClientID: "tajdeed-verify"} }

func newLogReader(brokers []string, transport *client.Transport) *logReader {
	return &logReader{transport: transport, broker: client.TCP(brokers...)}
}

// read calls each for every message from one offset to before another.
func (r *logReader) read(ctx context.Context, topic string, partition int, from, to int64, each func(*topicMessage) error) error {
	for next, empty := from, 0; next < to; {
		before := next
		answer, err := r.fetch(ctx, topic, partition, next)
		if err == nil {
			next, err = r.readResponse(answer, next, to, each)
		}
		if empty++; next > before {
			empty = 0
		}
		if err == nil && empty > maxEmptyResponses {
			err = errNoMessages
		}
		if err != nil {
			return fmt.Errorf("read %s/%d from offset %d: %w", topic, partition, next, err)
		}
	}
	return nil
}

// mostEmpty is how many answers in a row may bring nothing. A producer that leaves its
// transaction open keeps what lies behind it from every reader.
const maxEmptyResponses = 100

var errNoMessages = errors.New("the broker says that there is more, and it doesn't come")

// fetch asks once with success: a leader may just be moving.
func (r *logReader) fetch(ctx context.Context, topic string, partition int, from int64) (*fetchapi.ResponsePartition, error) {
	return backoff.Retry(ctx, func() (*fetchapi.ResponsePartition, error) {
		answer, err := r.fetchOnce(ctx, fetchRequest(topic, partition, from))
		if errors.Is(err, client.OffsetOutOfRange) {
			err = backoff.Permanent(err)
		}
		return answer, err
	}, backoff.WithMaxElapsedTime(fetchTimeout))
}

// fetchRequest asks for messages that no open transaction holds back. The answer says
// which of them were aborted; the client's own request would not pass that on.
func fetchRequest(topic string, partition int, from int64) *fetchapi.Request {
	return &fetchapi.Request{
		ReplicaID: -1, MaxWaitTime: int32(fetchWait.Milliseconds()), MinBytes: 1, MaxBytes: fetchBytes,
		IsolationLevel: int8(client.ReadCommitted), SessionID: -1, SessionEpoch: -1,
		Topics: []fetchapi.RequestTopic{{Topic: topic, Partitions: []fetchapi.RequestPartition{{
			Partition: int32(partition), CurrentLeaderEpoch: -1, FetchOffset: from,
			LogStartOffset: -1, PartitionMaxBytes: fetchBytes,
		}}}},
	}
}

var errOtherAnswer = errors.New("the broker's answer is not about the partition asked for")

func (r *logReader) fetchOnce(ctx context.Context, request *fetchapi.Request) (*fetchapi.ResponsePartition, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	message, err := r.transport.RoundTrip(ctx, r.broker, request)
	if err != nil {
		return nil, err
	}
	response, ok := message.(*fetchapi.Response)
	if !ok || len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errOtherAnswer
	}
	answer := &response.Topics[0].Partitions[0]
	if code := cmp.Or(response.ErrorCode, answer.ErrorCode); code != 0 {
		return nil, client.Error(code)
	}
	return answer, nil
}

// take goes through the batches of an answer. Those that hold no messages are passed
// over here: the client would hide control records, and we would ask for them again and
// again.
func (r *logReader) readResponse(answer *fetchapi.ResponsePartition, next, to int64, each func(*topicMessage) error) (int64, error) {
	stream, ok := answer.RecordSet.Records.(*wire.RecordStream)
	if !ok {
		return next, nil // nothing came within the wait
	}
	aborted := newAbortedTransactions(answer.AbortedTransactions)
	for _, batch := range stream.Records {
		hand := each
		if !aborted.hasMessages(batch) {
			hand = func(*topicMessage) error { return nil }
		}
		var err error
		if next, err = r.readBatch(batch, next, to, hand); err != nil {
			return next, err
		}
	}
	return next, nil
}

// takeBatch goes through one batch, which may begin before the offset asked for.
func (r *logReader) readBatch(batch wire.RecordReader, next, to int64, each func(*topicMessage) error) (int64, error) {
	for {
		record, err := batch.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		message, err := r.message(record)
		if err != nil {
			return next, err
		}
		if record.Offset < next || record.Offset >= to {
			continue
		}
		next = record.Offset + 1
		if err := each(message); err != nil {
			return next, err
		}
	}
}

// message copies a record out of the answer's pages, which are used again.
func (r *logReader) message(record *wire.Record) (m *topicMessage, err error) {
	m = &topicMessage{offset: record.Offset, publishedAt: record.Time}
	if r.key, err = readBytes(r.key, record.Key); err != nil {
		return nil, err
	}
	if r.value, err = readBytes(r.value, record.Value); err != nil {
		return nil, err
	}
	r.header = r.header[:0]
	for _, h := range record.Headers {
		r.header = append(r.header, schema.Header{Key: h.Key, Value: h.Value})
	}
	m.key, m.value, m.headers = r.key, r.value, r.header
	return m, nil
}

func readBytes(into []byte, from wire.Bytes) ([]byte, error) {
	if from == nil {
		return into[:0], nil
	}
	defer func() { _ = from.Close() }()
	n := from.Len()
	if cap(into) < n {
		into = make([]byte, n)
	}
	into = into[:n]
	_, err := io.ReadFull(from, into)
	return into, err
}
