package consumers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// ErrGap stops a partition: the log does not go on where it should. Messages were
// deleted before they were read, or the topic was made anew. It is never passed
// over, since that would be a loss that nobody saw.
var ErrGap = errors.New("the log does not go on where the last batch ended")

// fetcher reads one partition, in order. kafka-go's Reader and Conn check no CRC
// and deliver control records and aborted messages as messages; its plain fetch
// request does neither, and shows the batches.
type fetcher struct {
	transport kafka.RoundTripper
	broker    net.Addr
	topic     string
	partition int
	maxBytes  int
}

// fetchSlack is how much longer than the broker's own wait an answer may take.
const fetchSlack = 5 * time.Second

// fetch appends to the batch what lies at its end, waiting at most maxWait for
// something to come.
func (f *fetcher) fetch(ctx context.Context, b *Batch, maxWait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait+fetchSlack)
	defer cancel()
	response, err := f.transport.RoundTrip(ctx, f.broker, f.request(b.To, maxWait))
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	partition, err := onlyPartition(response)
	if err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	b.HighWatermark = partition.HighWatermark
	if err := appendRecords(b, partition); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// request asks for committed messages only: a transactional producer's aborted
// ones are no applications.
func (f *fetcher) request(offset int64, maxWait time.Duration) *fetchapi.Request {
	return &fetchapi.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(maxWait.Milliseconds()),
		MinBytes:       1,
		MaxBytes:       int32(f.maxBytes),
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics: []fetchapi.RequestTopic{{
			Topic: f.topic,
			Partitions: []fetchapi.RequestPartition{{
				Partition:          int32(f.partition),
				CurrentLeaderEpoch: -1,
				FetchOffset:        offset,
				LogStartOffset:     -1,
				PartitionMaxBytes:  int32(f.maxBytes),
			}},
		}},
	}
}

// onlyPartition takes the one partition that was asked for out of the answer.
func onlyPartition(message protocol.Message) (*fetchapi.ResponsePartition, error) {
	response, ok := message.(*fetchapi.Response)
	if !ok || len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errors.New("the broker's answer is not about the partition asked for")
	}
	partition := &response.Topics[0].Partitions[0]
	for _, code := range [...]int16{response.ErrorCode, partition.ErrorCode} {
		switch kafka.Error(code) {
		case 0:
		case kafka.OffsetOutOfRange:
			return nil, fmt.Errorf("%w: %w", ErrGap, kafka.OffsetOutOfRange)
		default:
			return nil, kafka.Error(code)
		}
	}
	return partition, nil
}

// appendRecords takes the messages of an answer, and passes over what holds none:
// control batches and aborted transactions.
func appendRecords(b *Batch, partition *fetchapi.ResponsePartition) error {
	stream, ok := partition.RecordSet.Records.(*protocol.RecordStream)
	if !ok {
		return nil // nothing came within the wait
	}
	aborted := newAborted(partition.AbortedTransactions)
	for _, records := range stream.Records {
		var err error
		switch batch := records.(type) {
		case *protocol.ControlBatch:
			aborted.end(batch.ProducerID, batch.BaseOffset)
			err = skip(b, batch.Records)
		case *protocol.RecordBatch:
			if batch.Attributes.Transactional() && aborted.holds(batch.ProducerID, batch.BaseOffset) {
				err = skip(b, batch.Records)
			} else {
				err = take(b, batch.Records)
			}
		default:
			err = take(b, records)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for every record that lies at or after the batch's end: a broker
// may answer with a whole batch that begins before the offset asked for.
func each(b *Batch, records protocol.RecordReader, f func(*protocol.Record) error) error {
	for {
		record, err := records.ReadRecord()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case record.Offset < b.To:
			closeRecord(record)
		case record.Offset > b.To:
			return fmt.Errorf("%w: offset %d instead of %d", ErrGap, record.Offset, b.To)
		default:
			if err := f(record); err != nil {
				return err
			}
			b.To = record.Offset + 1
		}
	}
}

// skip passes over records that are no messages.
func skip(b *Batch, records protocol.RecordReader) error {
	return each(b, records, func(r *protocol.Record) error {
		closeRecord(r)
		return nil
	})
}

// take appends records as messages.
func take(b *Batch, records protocol.RecordReader) error {
	return each(b, records, func(r *protocol.Record) error {
		defer closeRecord(r)
		key, err := b.arena.copy(r.Key)
		if err != nil {
			return err
		}
		value, err := b.arena.copy(r.Value)
		if err != nil {
			return err
		}
		b.Messages = append(b.Messages, Message{
			Offset: r.Offset, Time: r.Time, Key: key, Value: value, Headers: b.arena.headers(r.Headers),
		})
		return nil
	})
}

func closeRecord(r *protocol.Record) {
	if r.Key != nil {
		_ = r.Key.Close()
	}
	if r.Value != nil {
		_ = r.Value.Close()
	}
}

// aborted knows, for each producer, where its aborted transactions begin, in the
// order of the log.
type aborted map[int64][]int64

func newAborted(transactions []fetchapi.ResponseTransaction) aborted {
	a := make(aborted, len(transactions))
	for _, t := range transactions {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, begins := range a {
		slices.Sort(begins)
	}
	return a
}

// holds says whether a producer's transactional batch at an offset belongs to a
// transaction that was aborted.
func (a aborted) holds(producer, offset int64) bool {
	begins := a[producer]
	return len(begins) > 0 && begins[0] <= offset
}

// end forgets a producer's transaction at its marker.
func (a aborted) end(producer, offset int64) {
	if a.holds(producer, offset) {
		a[producer] = a[producer][1:]
	}
}
