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

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
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
type FencedError struct{ Partitions []schema.TopicPartition }

// Error says which they are.
func (e *FencedError) Error() string {
	return fmt.Sprintf("%s: %v", partitionList(e.Partitions), ErrFenced)
}

// Unwrap returns [ErrFenced].
func (*FencedError) Unwrap() error { return ErrFenced }

// PartialError says why the works of some partitions are not done; all others are.
type PartialError struct {
	Faults map[schema.TopicPartition]error
}

// Error says which are not done, and why.
func (e *PartialError) Error() string {
	which := slices.SortedFunc(maps.Keys(e.Faults), comparePartitions)
	return fmt.Sprintf("%s: %v", partitionList(which), errors.Join(slices.Collect(maps.Values(e.Faults))...))
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
	config  Config
	handler Handler
	log     *slog.Logger
	metrics *metrics
	turns   turns

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
	return &Engine{
		config:  config,
		handler: handler,
		log:     log.With("stage", stage),
		metrics: newMetrics(stage, registry),
		turns:   newTurns(config.Concurrency),
		health:  health{absent: errNotRunning},
	}, nil
}

// Run consumes until ctx ends. Then it finishes the batches in flight, announces
// and commits them, leaves the group and returns nil.
func (e *Engine) Run(ctx context.Context) error {
	defer e.setAbsent(errNotRunning)
	found := e.newDiscovery()
	for e.awaitTopics(ctx, found) {
		if err := e.readTopics(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// turns limit how many attempts to apply are made at once. Those of partitions that are
// behind and those of the others may be [Config.Concurrency] each, and together one more: so
// where large transactions hold all the turns of a backlog, a message that has just come
// waits for none of them.
type turns struct{ backlog, others, all chan struct{} }

func newTurns(n int) turns {
	return turns{make(chan struct{}, n), make(chan struct{}, n), make(chan struct{}, n+1)}
}

// inTurn makes one attempt to apply when it is its turn. The turn ends with the attempt, so
// that a batch that fails again and again holds no turn while it waits for the next attempt.
func (e *Engine) inTurn(ctx context.Context, backlog bool, do func(context.Context) error) error {
	own := e.turns.others
	if backlog {
		own = e.turns.backlog
	}
	return holding(ctx, own, func() error {
		return holding(ctx, e.turns.all, func() error { return do(ctx) })
	})
}

// holding does something while it holds one of the turns, unless ctx ends before one is free.
func holding(ctx context.Context, turns chan struct{}, do func() error) error {
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
		return do()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
