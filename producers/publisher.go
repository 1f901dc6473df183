// Package producers is everything that writes to a topic. The publisher here
// sends messages to the brokers so that an acknowledged one is stored; its child
// packages are what there is to send.
//
// It promises: keyed like Java's client, in order for each key within a call,
// acknowledged by all in-sync replicas, tried again as long as that can help. It
// doesn't promise "once": after a lost answer a batch is sent again and may then
// lie in the log twice (kafka-go has no idempotent producer), so whoever reads
// must recognise a message that it has seen. Nothing here knows what a message
// says.
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

// Publisher sends messages to topics. It is safe for many goroutines; each call
// sends its own requests, so a lone message waits for no batch to fill. What a call
// has for the partitions of one broker goes in one request where it fits, and what
// that leaves in one request at a time for each partition.
type Publisher struct {
	config    Config
	log       *slog.Logger
	transport *kafka.Transport
	brokers   net.Addr
	topics    map[string]*topicMetrics

	// connections counts the times that the connections and what they knew of the
	// cluster were thrown away; see refresh.
	connections atomic.Int64

	// slots are held by the requests under way.
	slots chan struct{}

	// trouble is why the last request failed; nil after one that worked.
	trouble atomic.Pointer[error]

	// open is held for reading by every call, and for writing by Close.
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
// The first batches for partitions of one broker share a request of at most
// MaxBatchBytes, and the broker answers it when the last of them is stored: a slow
// partition holds these others up, for AttemptTimeout at most. After that request a
// slow or broken partition holds no other up.
//
// The messages' Topic and Partition are ignored. Their bytes must not change
// before Publish returns, nor be used again after the end of ctx made it fail.
func (p *Publisher) Publish(ctx context.Context, topic string, msgs []kafka.Message) error {
	return p.publish(ctx, topic, msgs, func(ctx context.Context) ([]run, leaders, error) {
		return p.byKey(ctx, topic, msgs)
	})
}

// PublishPlaced sends each message to the partition that its Partition names,
// otherwise like [Publisher.Publish]. A partition that the topic doesn't have may
// be about to come: its messages are given up only when the attempts end.
func (p *Publisher) PublishPlaced(ctx context.Context, topic string, msgs []kafka.Message) error {
	return p.publish(ctx, topic, msgs, func(ctx context.Context) ([]run, leaders, error) {
		runs := byPartition(msgs)
		if len(runs) == 1 {
			return runs, nil, nil
		}
		// While the leaders can't be told, each run's own attempts wait for them.
		known, _ := p.askLeaders(ctx, topic)
		return runs, known, nil
	})
}

// Ready says why messages don't get through at present; nil where the last request
// did, or none was made. A message refused for what it is doesn't count.
func (p *Publisher) Ready() error {
	if trouble := p.trouble.Load(); trouble != nil {
		return fmt.Errorf("publishing fails: %w", *trouble)
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

// publish is one call: it shares the messages out into runs, sends the runs, and
// tells what became of them.
func (p *Publisher) publish(ctx context.Context, topic string, msgs []kafka.Message, share func(context.Context) ([]run, leaders, error)) error {
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

	runs, partitions, err := share(ctx)
	if err != nil {
		return metrics.count(ctx, allFailed(topic, msgs, err), len(msgs))
	}
	results := p.sendRuns(ctx, call{topic: topic, msgs: msgs, runs: runs, leaders: partitions})
	return metrics.count(ctx, newPublishError(topic, len(msgs), runs, results), len(msgs))
}
