package producers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

func newTransport(config Config) *kafka.Transport {
	return &kafka.Transport{
		ClientID:       config.ClientID,
		DialTimeout:    min(config.AttemptTimeout, 5*time.Second),
		MetadataTTL:    config.MetadataTTL,
		MetadataTopics: config.Topics,
	}
}

// produce makes one request, when it is its turn, for batches of one topic whose
// partitions differ and have the same leader. It returns for each batch why it was
// not acknowledged, nil where it was, and learns from it.
func (p *Publisher) produce(ctx context.Context, batches ...batch) []error {
	used := p.connections.Load()
	answer, err := p.request(ctx, batches)
	failures := make([]error, len(batches))
	for i, b := range batches {
		if failures[i] = err; err == nil {
			failures[i] = failureOf(answer, b.partition)
		}
		p.learn(used, failures[i])
	}
	return failures
}

// request waits for a slot, and then for the broker's answer.
func (p *Publisher) request(ctx context.Context, batches []batch) (*produce.Response, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.AttemptTimeout)
	defer cancel()
	answer, err := p.transport.RoundTrip(ctx, p.brokers, p.newRequest(ctx, batches))
	if err != nil {
		return nil, fmt.Errorf("produce: %w", err)
	}
	response, ok := answer.(*produce.Response)
	if !ok {
		return nil, fmt.Errorf("produce: answered with %T", answer)
	}
	return response, nil
}

func (p *Publisher) newRequest(ctx context.Context, batches []batch) *produce.Request {
	var stamp time.Time // zero: the library's encoder reads the machine's clock
	if p.config.Now != nil {
		stamp = p.config.Now()
	}
	partitions := make([]produce.RequestPartition, len(batches))
	for i, b := range batches {
		partitions[i] = produce.RequestPartition{
			Partition: int32(b.partition),
			RecordSet: protocol.RecordSet{
				Attributes: protocol.Attributes(p.config.Compression),
				Records:    &records{batch: b, stamp: stamp},
			},
		}
	}
	// The broker gives up at half the time that is left, so that its answer, which
	// tells the partitions apart, comes before ctx ends.
	deadline, _ := ctx.Deadline()
	return &produce.Request{
		Acks:    int16(kafka.RequireAll),
		Timeout: int32(time.Until(deadline).Milliseconds() / 2),
		Topics:  []produce.RequestTopic{{Topic: batches[0].topic, Partitions: partitions}},
	}
}

// failureOf finds in an answer why a partition's batch was not stored; nil where it
// was.
func failureOf(answer *produce.Response, partition int) error {
	for _, t := range answer.Topics {
		for _, part := range t.Partitions {
			if int(part.Partition) == partition {
				return newFailure(part)
			}
		}
	}
	return errors.New("produce: the answer leaves the partition out")
}

func newFailure(answer produce.ResponsePartition) error {
	if answer.ErrorCode == 0 {
		return nil
	}
	var err error = kafka.Error(answer.ErrorCode)
	if answer.ErrorMessage != "" {
		err = fmt.Errorf("%w: %s", err, answer.ErrorMessage)
	}
	if len(answer.RecordErrors) > 0 {
		return newRecordsError(err, answer.RecordErrors)
	}
	return err
}

// records hands a batch's messages to the protocol's encoder, without copies.
type records struct {
	batch      batch
	stamp      time.Time // the Time of messages that have none
	next       int
	record     protocol.Record
	key, value payload
}

// ReadRecord implements [protocol.RecordReader].
func (r *records) ReadRecord() (*protocol.Record, error) {
	if r.next == len(r.batch.index) {
		return nil, io.EOF
	}
	m := &r.batch.msgs[r.batch.index[r.next]]
	r.next++
	at := m.Time
	if at.IsZero() {
		at = r.stamp
	}
	r.record = protocol.Record{
		Time:    at,
		Headers: m.Headers,
		Key:     r.key.of(m.Key),
		Value:   r.value.of(m.Value),
	}
	return &r.record, nil
}

// payload is bytes as the encoder takes them.
type payload struct{ bytes.Reader }

// of returns the bytes, and for none the encoder's null.
func (p *payload) of(b []byte) protocol.Bytes {
	if b == nil {
		return nil
	}
	p.Reset(b)
	return p
}

// Close implements [protocol.Bytes].
func (*payload) Close() error { return nil }
