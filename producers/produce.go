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
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// askLeaders asks for the partitions of topics. The transport answers for the topics that
// it knows.
func (p *Publisher) askLeaders(ctx context.Context, topics ...string) (*metadata.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, p.config.AttemptTimeout)
	defer cancel()
	answer, used, err := p.sessions.roundTrip(ctx, &metadata.Request{TopicNames: topics})
	p.noteAttempt(used, err)
	if err != nil {
		return nil, fmt.Errorf("ask for the topic's partitions: %w", err)
	}
	response, ok := answer.(*metadata.Response)
	if !ok {
		return nil, fmt.Errorf("ask for the topic's partitions: answered with %T", answer)
	}
	return response, nil
}

// produce makes one request, as soon as a slot is free, for batches of partitions that
// differ and have the same leader. It returns for each batch why it was not acknowledged,
// nil where it was, and notes that; see noteAttempt.
func (p *Publisher) produce(ctx context.Context, batches ...batch) []error {
	answer, used, err := p.request(ctx, batches)
	failures := make([]error, len(batches))
	for i, b := range batches {
		if failures[i] = err; err == nil {
			failures[i] = failureOf(answer, b)
		}
		p.noteAttempt(used, failures[i])
	}
	return failures
}

// request waits for a slot, and then for the broker's answer. The session that it returns
// is nil where ctx ended before.
func (p *Publisher) request(ctx context.Context, batches []batch) (*produce.Response, *session, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.AttemptTimeout)
	defer cancel()
	answer, used, err := p.sessions.roundTrip(ctx, p.newRequest(ctx, batches))
	if err != nil {
		return nil, used, fmt.Errorf("produce: %w", err)
	}
	response, ok := answer.(*produce.Response)
	if !ok {
		return nil, used, fmt.Errorf("produce: answered with %T", answer)
	}
	return response, used, nil
}

func (p *Publisher) newRequest(ctx context.Context, batches []batch) *produce.Request {
	var stamp time.Time // zero: the library's encoder reads the machine's clock
	if p.config.Now != nil {
		stamp = p.config.Now()
	}
	// The broker gives up after half the time that is left. Its answer, which says what
	// became of each partition, then comes before ctx ends.
	deadline, _ := ctx.Deadline()
	request := &produce.Request{
		Acks:    int16(kafka.RequireAll),
		Timeout: int32(time.Until(deadline).Milliseconds() / 2),
	}
	for _, b := range batches {
		t := topicIn(request, b.topic.name, len(batches))
		t.Partitions = append(t.Partitions, produce.RequestPartition{
			Partition: int32(b.partition),
			RecordSet: protocol.RecordSet{
				Attributes: protocol.Attributes(p.config.Compression),
				Records:    &batchReader{batch: b, stamp: stamp},
			},
		})
	}
	return request
}

// topicIn returns a topic of a request, and adds it where it is not in it yet: the broker
// wants each once.
func topicIn(request *produce.Request, name string, most int) *produce.RequestTopic {
	for i := range request.Topics {
		if t := &request.Topics[i]; t.Topic == name {
			return t
		}
	}
	request.Topics = append(request.Topics, produce.RequestTopic{Topic: name, Partitions: make([]produce.RequestPartition, 0, most)})
	return &request.Topics[len(request.Topics)-1]
}

// failureOf returns why a batch was not stored, by the broker's answer; nil where it was.
func failureOf(answer *produce.Response, b batch) error {
	for i := range answer.Topics {
		t := &answer.Topics[i]
		if t.Topic != b.topic.name {
			continue
		}
		for j := range t.Partitions {
			if part := &t.Partitions[j]; int(part.Partition) == b.partition {
				return newFailure(part)
			}
		}
	}
	return errors.New("produce: the answer leaves the partition out")
}

func newFailure(answer *produce.ResponsePartition) error {
	if answer.ErrorCode == 0 {
		return nil
	}
	var err error = kafka.Error(answer.ErrorCode)
	if answer.ErrorMessage != "" {
		err = fmt.Errorf("%w: %s", err, answer.ErrorMessage)
	}
	if len(answer.RecordErrors) > 0 {
		return newMessagesError(err, answer.RecordErrors)
	}
	return err
}

// batchReader gives a batch's messages to the protocol's encoder, without copies.
type batchReader struct {
	batch      batch
	stamp      time.Time // the Time of messages that have none
	next       int
	current    protocol.Record
	key, value payload
}

// ReadRecord implements [protocol.RecordReader].
func (r *batchReader) ReadRecord() (*protocol.Record, error) {
	if r.next == len(r.batch.index) {
		return nil, io.EOF
	}
	m := &r.batch.msgs[r.batch.index[r.next]]
	r.next++
	at := m.Time
	if at.IsZero() {
		at = r.stamp
	}
	r.current = protocol.Record{
		Time:    at,
		Headers: m.Headers,
		Key:     r.key.holding(m.Key),
		Value:   r.value.holding(m.Value),
	}
	return &r.current, nil
}

// payload is bytes as the encoder takes them.
type payload struct{ bytes.Reader }

// holding returns a reader of the bytes; for nil none, which is the encoder's null.
func (p *payload) holding(b []byte) protocol.Bytes {
	if b == nil {
		return nil
	}
	p.Reset(b)
	return p
}

// Close implements [protocol.Bytes].
func (*payload) Close() error { return nil }
