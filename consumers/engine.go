package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers/fetch"
)

// Handler says what a stage does with the partitions that it is given.
type Handler interface {
	// Open takes a partition over and returns from where to go on. It is called again
	// whenever the partition has to be worked on by itself, as after [ErrFenced].
	Open(ctx context.Context, a Assignment) (Partition, Start, error)
}

// Partition is what a stage keeps of one partition from Open to the next Open. Its
// methods are called by one goroutine at a time, except Prepare, which runs beside them
// and beside itself.
type Partition interface {
	// Prepare decodes: it does what needs no store. It must not fail; a message that
	// cannot be read is quarantined.
	Prepare(b *Batch) Work
	// Idle is called when nothing has come for half a second, and every few seconds while
	// nothing comes, to write down what otherwise waits for the next batch. All that was
	// published before emptyAt, by [Config.Now], has been applied. When the partition is
	// given up, emptyAt is zero: whether anything is left is not known then.
	Idle(ctx context.Context, emptyAt time.Time) error
}

// Work is a prepared batch.
type Work interface {
	// Apply looks up what the batch needs, decides, makes the effects durable and announces
	// them. After an error it may be called again, so it must be idempotent; or the messages
	// are fetched and prepared again, after another Open. [ErrFenced] says that another
	// worker has gone on from here.
	Apply(ctx context.Context) error
}

// Joiner is a [Handler] that can make batches of several partitions durable as one.
type Joiner interface {
	// Join returns works, of different partitions, as one. If the positions of some were
	// moved by another worker, none is applied, and a [*FencedError] says which. If for
	// another reason some are done and some are not, a [*PartialError] says which are not.
	Join(works []Work) Work
}

// FencedError names the partitions that [ErrFenced] is about.
type FencedError struct{ Partitions []int }

// Error says which they are.
func (e *FencedError) Error() string {
	return fmt.Sprintf("partitions %d: %v", e.Partitions, ErrFenced)
}

// Unwrap returns [ErrFenced].
func (*FencedError) Unwrap() error { return ErrFenced }

// PartialError says why the works of some partitions are not done; all others are.
type PartialError struct{ Faults map[int]error } // by partition

// Error says which are not done, and why.
func (e *PartialError) Error() string {
	return fmt.Sprintf("partitions %d: %v", slices.Sorted(maps.Keys(e.Faults)), errors.Join(slices.Collect(maps.Values(e.Faults))...))
}

// ErrGap stops a partition until an operator has seen to it: going on would be a loss that
// nobody notices. See [fetch.ErrGap].
var ErrGap = fetch.ErrGap

// ErrFenced says that a partition's position is not where this worker left it: another
// worker owns the partition now, or a transaction of this one has committed and the answer
// was lost. The attempt that returns it has applied nothing.
var ErrFenced = errors.New("the position is not where this worker left it")

// Engine runs one stage in one process.
type Engine struct {
	config    Config
	handler   Handler
	log       *slog.Logger
	metrics   *metrics
	transport *kafka.Transport
	fetcher   *fetch.Fetcher
	turns     chan struct{} // one for each attempt to apply that may be made at once

	mu     sync.Mutex
	health health
}

// New returns an engine for a stage. The stage's name is the prefix of its
// metrics. Nothing is contacted before [Engine.Run].
func New(stage string, config Config, handler Handler, log *slog.Logger, registry prometheus.Registerer) (*Engine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	transport := &kafka.Transport{
		ClientID:       config.ClientID,
		MetadataTTL:    metadataTTL,
		MetadataTopics: []string{config.Topic},
		DialTimeout:    dialTimeout,
	}
	return &Engine{
		config:    config,
		handler:   handler,
		log:       log.With("stage", stage),
		metrics:   newMetrics(stage, registry),
		transport: transport,
		fetcher: &fetch.Fetcher{
			Transport: transport, ClientID: config.ClientID,
			Broker: kafka.TCP(config.Brokers...), Topic: config.Topic, MaxBytes: config.BatchBytes,
		},
		turns:  make(chan struct{}, config.Concurrency),
		health: health{partitions: map[int]error{}},
	}, nil
}

const (
	// metadataTTL is how long a moved leader may go unseen.
	metadataTTL = time.Second
	dialTimeout = 5 * time.Second
)

// Run consumes until ctx ends. Then it finishes the batches in flight, announces
// and commits them, leaves the group and returns nil.
func (e *Engine) Run(ctx context.Context) error {
	defer e.transport.CloseIdleConnections()
	group, err := e.newGroup()
	if err != nil {
		return fmt.Errorf("join the group %s: %w", e.config.Group, err)
	}
	// Closing the group ends the generation, and with it what the workers call taking. It
	// returns when the last batch is done and the coordinator knows that we leave.
	left := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { left <- group.Close() })
	e.runGenerations(ctx, group)
	if stop() { // ctx has not ended: the group ended by itself
		left <- group.Close()
	}
	if err := <-left; err != nil {
		return fmt.Errorf("leave the group %s: %w", e.config.Group, err)
	}
	return nil
}

// health is what [Engine.Ready] tells.
type health struct {
	joined     bool
	partitions map[int]error // why an assigned partition is not worked on; nil where it is
}

// stopped is how many partitions wait for an operator.
func (h *health) stopped() (n int) {
	for _, err := range h.partitions {
		if err != nil && KindOf(err) == Stopped {
			n++
		}
	}
	return n
}

var errStarting = errors.New("is being taken over")

// Ready says why the stage cannot do its work: it is not in the group, or it cannot work on
// one of its partitions. Having no partition is no fault.
func (e *Engine) Ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.health.joined {
		return fmt.Errorf("not in the consumer group %s", e.config.Group)
	}
	for partition, err := range e.health.partitions {
		if err != nil {
			return fmt.Errorf("%s/%d: %w", e.config.Topic, partition, err)
		}
	}
	return nil
}

// Assigned returns how many partitions are assigned to the process.
func (e *Engine) Assigned() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.health.partitions)
}

// setHealth notes why partitions are not worked on, or with nil that they are.
func (e *Engine) setHealth(err error, partitions ...int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, partition := range partitions {
		e.health.partitions[partition] = err
	}
	e.metrics.stopped.Set(float64(e.health.stopped()))
}

// setJoined notes a new assignment, or none.
func (e *Engine) setJoined(joined bool, partitions []kafka.PartitionAssignment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.health.joined = joined
	e.health.partitions = make(map[int]error, len(partitions))
	for _, p := range partitions {
		e.health.partitions[p.ID] = errStarting
	}
	e.metrics.stopped.Set(0)
}

// client makes the requests to brokers other than fetches.
func (e *Engine) client() *kafka.Client {
	return &kafka.Client{Addr: e.fetcher.Broker, Transport: e.transport, Timeout: dialTimeout}
}

// inTurn makes one attempt to apply when it is its turn: no more than [Config.Concurrency]
// are made at once. The turn ends with the attempt, so that a batch that fails again and
// again holds no turn while it waits for the next attempt.
func (e *Engine) inTurn(ctx context.Context, do func(context.Context) error) error {
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
		return do(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
