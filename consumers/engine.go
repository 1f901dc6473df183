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
)

// Handler says what a stage does with the partitions that it is given.
type Handler interface {
	// Open takes a partition over and returns from where to go on. It is called again
	// whenever the partition has to be looked at by itself, as after [ErrFenced].
	Open(ctx context.Context, a Assignment) (Partition, Start, error)
}

// Partition is a stage's hold on one partition. Its methods are called by one
// goroutine at a time, except Prepare, which runs beside them and beside itself.
type Partition interface {
	// Prepare does what needs no store: it decodes. It must not fail; a message
	// that cannot be read is quarantined.
	Prepare(b *Batch) Work
	// Idle is called when nothing has come for a moment, and now and then while
	// nothing comes, to write down what otherwise waits for the next batch. All that
	// was published before emptyAt has been applied.
	Idle(ctx context.Context, emptyAt time.Time) error
}

// Work is a prepared batch.
type Work interface {
	// Apply makes the batch's effects durable and announces them. It may be called
	// again after an error, so it must be idempotent; or the messages are prepared anew,
	// behind another Open. [ErrFenced] says that
	// another worker has gone on from here.
	Apply(ctx context.Context) error
}

// Joiner is a [Handler] that can make batches of several partitions durable as one.
type Joiner interface {
	// Join returns works, of different partitions, as one. If some are fenced, none
	// is applied, and a [*FencedError] says which. Where else some are done and some
	// are not, a [*PartialError] says which.
	Join(works []Work) Work
}

// FencedError names the partitions that are fenced, see [ErrFenced].
type FencedError struct{ Partitions []int }

// Error says which.
func (e *FencedError) Error() string {
	return fmt.Sprintf("partitions %d: %v", e.Partitions, ErrFenced)
}

// Unwrap returns [ErrFenced].
func (*FencedError) Unwrap() error { return ErrFenced }

// PartialError says why some partitions' works are not done, by partition; the others
// are.
type PartialError struct{ Faults map[int]error }

// Error says which, and why.
func (e *PartialError) Error() string {
	return fmt.Sprintf("partitions %d: %v", slices.Sorted(maps.Keys(e.Faults)), errors.Join(slices.Collect(maps.Values(e.Faults))...))
}

// ErrFenced says that a partition's position is not where this worker left it:
// another owns it now, or a transaction whose answer was lost has committed.
var ErrFenced = errors.New("the partition's position was moved by another worker")

// Engine runs one stage in one process.
type Engine struct {
	config    Config
	handler   Handler
	log       *slog.Logger
	metrics   *metrics
	transport *kafka.Transport
	fetcher   *fetcher
	turns     chan struct{} // one for each round that may be applied at once

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
		fetcher: &fetcher{
			transport: transport, clientID: config.ClientID,
			broker: kafka.TCP(config.Brokers...), topic: config.Topic, maxBytes: config.BatchBytes,
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
	group, err := e.join()
	if err != nil {
		return fmt.Errorf("%s: %w", e.config.Group, err)
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { stopped <- group.Close() })
	err = e.generations(ctx, group)
	if stop() { // ctx has not ended: the group ended by itself
		return errors.Join(err, group.Close())
	}
	return <-stopped
}

// health is what [Engine.Ready] tells.
type health struct {
	joined     bool
	partitions map[int]error // of each assigned partition, nil where it polls
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

// Ready says why the stage cannot do its work: it is not in the group, or a
// partition of its is not being polled. Having no partition is no fault.
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

// Assigned returns how many partitions the process holds.
func (e *Engine) Assigned() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.health.partitions)
}

// setHealth records how partitions fare.
func (e *Engine) setHealth(err error, partitions ...int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, partition := range partitions {
		e.health.partitions[partition] = err
	}
	e.metrics.stopped.Set(float64(e.health.stopped()))
}

// setJoined records a new assignment, or none.
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

// client asks the brokers what is no fetch.
func (e *Engine) client() *kafka.Client {
	return &kafka.Client{Addr: e.fetcher.broker, Transport: e.transport, Timeout: dialTimeout}
}

// inTurn does something when it is its turn: no more than the configured number are
// applied at once. A turn is for one attempt, so that what fails again and again keeps
// none from what goes well.
func (e *Engine) inTurn(ctx context.Context, do func(context.Context) error) error {
	select {
	case e.turns <- struct{}{}:
		defer func() { <-e.turns }()
		return do(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errOtherFenced is of a partition that was to be applied together with one that is
// fenced.
var errOtherFenced = errors.New("another partition of the round was moved by another worker")

// faultOf is what an error of joint works means for one partition of them.
func faultOf(err error, partition int) error {
	if partial, ok := errors.AsType[*PartialError](err); ok {
		return partial.Faults[partition]
	}
	if fenced, ok := errors.AsType[*FencedError](err); ok && !slices.Contains(fenced.Partitions, partition) {
		return errOtherFenced
	}
	return err
}

// besideAfter is how long a part of a round may take until the next one is applied beside
// it. Those that are quick go one after the other: a store that shares its machine with
// others is asked for less at once.
const besideAfter = 50 * time.Millisecond

// applyTogether applies parts of a round in their turn, as one if the handler can, and
// returns what became of each. If it can't, one that is slow holds the others up no longer
// than besideAfter.
func (e *Engine) applyTogether(ctx context.Context, parts []part) []error {
	errs := make([]error, len(parts))
	if joiner, ok := e.handler.(Joiner); ok && len(parts) > 1 {
		works := make([]Work, len(parts))
		for i, p := range parts {
			works[i] = p.work
		}
		err := e.inTurn(ctx, joiner.Join(works).Apply)
		for i, p := range parts {
			errs[i] = faultOf(err, p.batch.Partition)
		}
		return errs
	}
	var applying sync.WaitGroup
	for i, p := range parts {
		done := make(chan struct{})
		applying.Go(func() {
			defer close(done)
			errs[i] = e.inTurn(ctx, p.work.Apply)
		})
		select {
		case <-done:
		case <-time.After(besideAfter):
		}
	}
	applying.Wait()
	return errs
}
