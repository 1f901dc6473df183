// Package producers is everything that writes to a topic. The [Publisher] here sends
// messages to the brokers, and one that is acknowledged is stored; the packages below
// this one make the messages. The stages, which announce what they decide, and those
// packages call it. It does not know what a message says.
//
// It promises: partitions are chosen by the key as Java's client chooses them; the
// messages of a key keep their order within a call; all in-sync replicas acknowledge;
// a request is tried again as long as that can help. It does not promise that a
// message is stored once: after a lost answer a batch is sent again and may then lie
// in the log twice (kafka-go has no idempotent producer), so whoever reads must
// recognise a message that it has seen.
package producers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// ErrClosed answers a call after [Publisher.Close].
var ErrClosed = errors.New("the publisher is closed")

// Publisher sends messages to topics, also to those that are created later. It is safe for many goroutines. Each call sends
// its own requests, so a lone message does not wait for a batch to fill. The first
// batches that a call has for the partitions of one broker share a request, as far as
// they fit; the others follow one request at a time for each partition.
type Publisher struct {
	config   Config
	log      *slog.Logger
	sessions *sessions
	metrics  *metrics

	// slots has an element for each request under way; it is full at MaxInFlight.
	slots chan struct{}

	// lastFailure is why the last request failed, other than by its messages; nil
	// after one that worked.
	lastFailure atomic.Pointer[error]

	// open is locked for reading by every call, and for writing by Close.
	open   sync.RWMutex
	closed bool
}

// NewPublisher prepares a publisher; it connects when it is first used. A nil
// logger is silent, a nil registerer keeps the metrics to itself.
func NewPublisher(config Config, log *slog.Logger, registerer prometheus.Registerer) (*Publisher, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	config = config.withDefaults()
	metrics, err := newMetrics(registerer)
	if err != nil {
		return nil, fmt.Errorf("publisher: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{
		config:   config,
		log:      log,
		sessions: newSessions(config),
		metrics:  metrics,
		slots:    make(chan struct{}, config.MaxInFlight),
	}, nil
}

// Publish sends messages to the topics that they name, to the partitions that their keys
// choose; a message without a key (nil) goes to any. It returns when every message is
// acknowledged or given up: nil, or a [*PublishError] that names the messages which were
// not acknowledged. Messages of one partition keep their order, and behind the first that
// fails nothing more is sent to its partition: a caller who repeats what failed, in order,
// keeps the order too. Where a message names no topic, nothing is sent, and the error is
// [ErrRefused].
//
// The first batches for the partitions of one broker, of all topics, share a request of at
// most MaxBatchBytes. The broker answers it when the last of them is stored, so a slow
// partition delays the others in that request, by AttemptTimeout at most. After that
// request a slow or broken partition delays no other. A topic that is not known may be
// about to be created, so its messages are given up only when the attempts end.
//
// The messages' Partition is ignored. Their bytes must not change before Publish returns.
// Where it returned because ctx ended they must not change later either: a request may
// still read them.
func (p *Publisher) Publish(ctx context.Context, msgs []kafka.Message) error {
	return p.publish(ctx, msgs, p.sendByKey)
}

// PublishPlaced sends each message to the partition that its Topic and its Partition name,
// and is otherwise like [Publisher.Publish]. A partition that the topic does not have may
// be about to be created, so its messages are given up only when the attempts end.
func (p *Publisher) PublishPlaced(ctx context.Context, msgs []kafka.Message) error {
	return p.publish(ctx, msgs, p.sendPlaced)
}

// Prepare names topics that will be published to. Their metrics then begin at 0 and the
// brokers are asked about all of them at once. It is not needed: any other topic is
// prepared when it is first published to.
func (p *Publisher) Prepare(topics ...string) {
	for _, topic := range topics {
		p.topic(topic)
	}
}

// Ready returns why messages do not get through at present; nil where the last
// request did, or none was made. A message that was refused for what it is does not
// count.
func (p *Publisher) Ready() error {
	if failure := p.lastFailure.Load(); failure != nil {
		return fmt.Errorf("publishing fails: %w", *failure)
	}
	return nil
}

// Close waits for the calls under way, whose contexts can end them sooner, and
// closes the connections.
func (p *Publisher) Close() error {
	p.open.Lock()
	defer p.open.Unlock()
	p.closed = true
	p.sessions.close()
	return nil
}

// publish is one call: it sends the messages and reports what became of them.
func (p *Publisher) publish(ctx context.Context, msgs []kafka.Message, send func(context.Context, *call) []sent) error {
	p.open.RLock()
	defer p.open.RUnlock()
	switch {
	case p.closed:
		return ErrClosed
	case len(msgs) == 0:
		return nil
	}
	start := time.Now()
	c, err := p.newCall(msgs)
	if err != nil {
		return err
	}
	defer c.observe(start)
	return count(ctx, len(msgs), send(ctx, c))
}

// topic returns a topic's metrics. Of a new topic the brokers are asked from now on.
func (p *Publisher) topic(name string) *topicMetrics {
	if t := p.metrics.topic(name); t != nil {
		return t
	}
	return p.metrics.add(name, func() { p.sessions.add(name) })
}
