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
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
)

// ErrClosed answers a call after [Publisher.Close].
var ErrClosed = errors.New("the publisher is closed")

// Publisher sends messages to topics. It is safe for many goroutines. Each call sends
// its own requests, so a lone message does not wait for a batch to fill. The first
// batches that a call has for the partitions of one broker share a request, as far as
// they fit; the others follow one request at a time for each partition.
type Publisher struct {
	config    Config
	log       *slog.Logger
	transport *kafka.Transport
	brokers   net.Addr
	topics    map[string]*topicMetrics

	// connections is how often the connections, and what they knew of the cluster,
	// were thrown away; see dropConnections.
	connections atomic.Int64

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
		config:    config,
		log:       log,
		transport: newTransport(config),
		brokers:   kafka.TCP(config.Brokers...),
		topics:    metrics.topics(config.Topics),
		slots:     make(chan struct{}, config.MaxInFlight),
	}, nil
}

// Publish sends messages to the partitions that their keys choose; a message
// without a key (nil) goes to any. It returns when every message is acknowledged
// or given up: nil, or a [*PublishError] that names the messages which were not
// acknowledged. Messages of one partition keep their order, and behind the first
// that fails nothing more is sent to its partition: a caller who repeats what
// failed, in order, keeps the order too.
//
// The first batches for the partitions of one broker share a request of at most
// MaxBatchBytes. The broker answers it when the last of them is stored, so a slow
// partition delays the others in that request, by AttemptTimeout at most. After that
// request a slow or broken partition delays no other.
//
// The messages' Topic and Partition are ignored. Their bytes must not change before
// Publish returns. Where it returned because ctx ended they must not change later
// either: a request may still read them.
func (p *Publisher) Publish(ctx context.Context, topic string, msgs []kafka.Message) error {
	return p.publish(ctx, topic, msgs, func(ctx context.Context) ([]run, leaders, error) {
		return p.byKey(ctx, topic, msgs)
	})
}

// PublishPlaced sends each message to the partition that its Partition names, and is
// otherwise like [Publisher.Publish]. A partition that the topic does not have may be
// about to be created, so its messages are given up only when the attempts end.
func (p *Publisher) PublishPlaced(ctx context.Context, topic string, msgs []kafka.Message) error {
	return p.publish(ctx, topic, msgs, func(ctx context.Context) ([]run, leaders, error) {
		runs := byPartition(msgs)
		if len(runs) == 1 {
			return runs, nil, nil
		}
		// Without known leaders every run is sent by itself, and its attempts wait
		// for the leader.
		known, _ := p.askLeaders(ctx, topic)
		return runs, known, nil
	})
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
	p.transport.CloseIdleConnections()
	return nil
}

// publish is one call: it splits the messages into runs, sends the runs, and reports
// what became of them.
func (p *Publisher) publish(ctx context.Context, topic string, msgs []kafka.Message, split func(context.Context) ([]run, leaders, error)) error {
	p.open.RLock()
	defer p.open.RUnlock()
	metrics, known := p.topics[topic]
	switch {
	case p.closed:
		return ErrClosed
	case !known:
		return fmt.Errorf("publish to %s: %w: not among the publisher's topics", topic, ErrRefused)
	case len(msgs) == 0:
		return nil
	}
	defer metrics.observe(time.Now())

	runs, partitions, err := split(ctx)
	if err != nil {
		return metrics.count(ctx, allFailed(topic, msgs, err), len(msgs))
	}
	results := p.sendRuns(ctx, call{topic: topic, msgs: msgs, runs: runs, leaders: partitions})
	return metrics.count(ctx, newPublishError(topic, len(msgs), runs, results), len(msgs))
}
