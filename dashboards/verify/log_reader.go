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

// logReader reads runs of offsets, fast: a whole response at a time, checked against its
// checksums, with one buffer for all messages.
type logReader struct {
	transport client.RoundTripper
	broker    net.Addr
	key       []byte
	value     []byte
	header    []schema.Header
}

// topicMessage is a message as it lies on its topic. Its bytes are valid until the next
// message is read.
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

// newTransport returns the transport that all readers of a verification share.
func newTransport() *client.Transport { return &client.Transport{ClientID: "tajdeed-verify"} }

func newLogReader(brokers []string, transport *client.Transport) *logReader {
	return &logReader{transport: transport, broker: client.TCP(brokers...)}
}

// read calls each for every message from an offset to before another.
func (r *logReader) read(ctx context.Context, log schema.TopicPartition, from, to int64, each func(*topicMessage) error) error {
	for next, empty := from, 0; next < to; {
		before := next
		response, err := r.fetch(ctx, log, next)
		if err == nil {
			next, err = r.readResponse(response, next, to, each)
		}
		if empty++; next > before {
			empty = 0
		}
		if err == nil && empty > maxEmptyResponses {
			err = errNoMessages
		}
		if err != nil {
			return fmt.Errorf("read %s from offset %d: %w", log, next, err)
		}
	}
	return nil
}

// maxEmptyResponses is how many responses in a row may bring nothing. A producer that leaves
// its transaction open withholds what lies behind it from every reader.
const maxEmptyResponses = 100

var errNoMessages = errors.New("the broker says that there are more messages, and sends none")

// fetch returns one response. It tries again: the leader may just be moving.
func (r *logReader) fetch(ctx context.Context, log schema.TopicPartition, from int64) (*fetched, error) {
	return backoff.Retry(ctx, func() (*fetched, error) {
		response, err := r.fetchOnce(ctx, fetchRequest(log, from))
		if errors.Is(err, client.OffsetOutOfRange) {
			err = backoff.Permanent(err)
		}
		return response, err
	}, backoff.WithMaxElapsedTime(fetchTimeout))
}

// fetchRequest asks for the messages that no open transaction withholds. The response says
// which of them were aborted; the client's own request would not pass that on.
func fetchRequest(log schema.TopicPartition, from int64) *fetchapi.Request {
	return &fetchapi.Request{
		ReplicaID: -1, MaxWaitTime: int32(fetchWait.Milliseconds()), MinBytes: 1, MaxBytes: fetchBytes,
		IsolationLevel: int8(client.ReadCommitted), SessionID: -1, SessionEpoch: -1,
		Topics: []fetchapi.RequestTopic{{Topic: log.Topic, Partitions: []fetchapi.RequestPartition{{
			Partition: int32(log.Partition), CurrentLeaderEpoch: -1, FetchOffset: from,
			LogStartOffset: -1, PartitionMaxBytes: fetchBytes,
		}}}},
	}
}

var errOtherPartition = errors.New("the broker's response is not about the partition asked for")

func (r *logReader) fetchOnce(ctx context.Context, request *fetchapi.Request) (*fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	message, err := r.transport.RoundTrip(ctx, r.broker, &rawFetch{Request: request})
	if err != nil {
		return nil, err
	}
	response, ok := message.(*rawResponse)
	if !ok || len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errOtherPartition
	}
	found := &response.Topics[0].Partitions[0]
	if code := cmp.Or(response.ErrorCode, found.ErrorCode); code != 0 {
		return nil, client.Error(code)
	}
	return &fetched{found, response.appendTimes}, nil
}

// readResponse reads the batches of a response, and returns the offset to go on from. It
// also passes over those batches that hold no messages: the client would hide transactions'
// markers, and they would be fetched again and again.
func (r *logReader) readResponse(response *fetched, next, to int64, each func(*topicMessage) error) (int64, error) {
	stream, ok := response.RecordSet.Records.(*wire.RecordStream)
	if !ok {
		return next, nil // nothing came within the wait
	}
	aborted := newAbortedTransactions(response.AbortedTransactions)
	for _, batch := range stream.Records {
		handle := response.withAppendTime(batch, each)
		if !aborted.hasMessages(batch) {
			handle = func(*topicMessage) error { return nil }
		}
		var err error
		if next, err = r.readBatch(batch, next, to, handle); err != nil {
			return next, err
		}
	}
	return next, nil
}

// readBatch reads one batch, which may begin before the offset asked for.
func (r *logReader) readBatch(batch wire.RecordReader, next, to int64, each func(*topicMessage) error) (int64, error) {
	for {
		read, err := batch.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		message, err := r.message(read)
		if err != nil {
			return next, err
		}
		if read.Offset < next || read.Offset >= to {
			continue
		}
		next = read.Offset + 1
		if err := each(message); err != nil {
			return next, err
		}
	}
}

// message copies a message out of the response's pages, which are used again.
func (r *logReader) message(read *wire.Record) (m *topicMessage, err error) {
	m = &topicMessage{offset: read.Offset, publishedAt: read.Time}
	if r.key, err = readBytes(r.key, read.Key); err != nil {
		return nil, err
	}
	if r.value, err = readBytes(r.value, read.Value); err != nil {
		return nil, err
	}
	r.header = r.header[:0]
	for _, h := range read.Headers {
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
