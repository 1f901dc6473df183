package consumers

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// lanes are those of one generation.
type lanes struct {
	engine  *Engine
	working sync.WaitGroup // the workers and the lanes
	outside atomic.Int64   // how many partitions are in no lane

	mu sync.Mutex
	of map[int]*lane // by the leader
}

func newLanes(e *Engine, partitions int) *lanes {
	l := &lanes{engine: e, of: map[int]*lane{}}
	l.outside.Store(int64(partitions))
	return l
}

// travel lets a partition travel until it leaves its lane, which is an error, or the
// lane ends with the generation.
func (ls *lanes) travel(taking, doing context.Context, leader int, h *hold) error {
	l := ls.open(taking, doing, leader)
	select {
	case l.joining <- h:
	case <-l.done:
		return nil
	}
	ls.outside.Add(-1)
	defer ls.outside.Add(1)
	select {
	case err := <-h.left:
		return err
	case <-l.done:
		return nil
	}
}

// open returns a leader's lane, which begins with the first partition that it is for.
func (ls *lanes) open(taking, doing context.Context, leader int) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.of[leader]
	if !ok {
		l = &lane{
			engine: ls.engine, lanes: ls, log: ls.engine.log.With("topic", ls.engine.config.Topic),
			joining: make(chan *hold), room: make(chan struct{}, ls.engine.config.Concurrency+1), done: make(chan struct{}),
		}
		ls.of[leader] = l
		rounds := make(chan *round)
		ls.working.Go(func() { l.fetchAll(taking, rounds) })
		ls.working.Go(func() {
			defer close(l.done)
			l.applyAll(doing, rounds)
		})
	}
	return l
}

// A lane is where partitions travel together that have the same leader: one request
// fetches for all of them, and what came is a round, which is applied as one. So a
// thousand messages a second in a dozen partitions are less than a hundred transactions,
// not some three hundred. Under backlog, when a partition or two fill a round, several
// rounds are applied at once, of different partitions: see applyAll. Where there is no room
// for another, the fetching waits, so that a slow store stops it.
//
// A round that takes long holds up those behind it that have a partition in common with it,
// and with them, once they take all the room, the lane: until it was tried togetherMost
// times and its partitions leave.
type lane struct {
	engine  *Engine
	lanes   *lanes
	log     *slog.Logger
	joining chan *hold
	room    chan struct{} // one for each round that is fetched, prepared or applied
	done    chan struct{}

	holds []*hold // whose partitions are fetched
	last  time.Time
	pace  time.Duration
}

const (
	// restEvery is how often an idle partition's stage is told so.
	restEvery = 5 * time.Second
	// joinWait is how long a fetch that finds nothing keeps a partition from joining.
	joinWait = 50 * time.Millisecond
)

// fetchAll fetches rounds and hands them over until ctx ends.
func (l *lane) fetchAll(ctx context.Context, out chan<- *round) {
	defer close(out)
	for l.enter(ctx) && l.gather(ctx) {
		r, err := l.next(ctx)
		if err != nil {
			return // ctx ended
		}
		for i, some := range r.split(l.engine.config.BatchMessages) {
			if i > 0 && !l.enter(ctx) {
				return
			}
			out <- some
		}
	}
}

// enter waits for room for a round. It is false when ctx has ended.
func (l *lane) enter(ctx context.Context) bool {
	select {
	case l.room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// gather lets go of the partitions that have left, and takes those that join; where
// there is none it waits for one. It is false when ctx has ended.
func (l *lane) gather(ctx context.Context) bool {
	for {
		// Also behind each that joins: it may be one that has just left, and both together
		// would ask for a partition twice.
		l.holds = slices.DeleteFunc(l.holds, func(h *hold) bool { return h.gone.Load() })
		if len(l.holds) == 0 {
			select {
			case h := <-l.joining:
				l.holds = append(l.holds, h)
			case <-ctx.Done():
				return false
			}
		}
		select {
		case h := <-l.joining:
			l.holds = append(l.holds, h)
		default:
			return ctx.Err() == nil
		}
	}
}

// next fetches what lies next in the lane's partitions. A message that comes after a
// pause is taken at once. Where messages follow one another, a round begins no sooner
// than a batch age after the one before it, or a few ages where they come fast, because
// a store asks as much for a small batch as for a large one; under backlog nothing
// waits.
func (l *lane) next(ctx context.Context) (*round, error) {
	if err := wait(ctx, time.Until(l.last.Add(l.pace))); err != nil {
		return nil, err
	}
	batches := make([]*Batch, len(l.holds))
	for i, h := range l.holds {
		batches[i] = h.newBatch()
	}
	r := &round{leaving: map[*hold]error{}, empty: map[*hold]time.Time{}}
	begin, emptyAt := time.Now(), l.engine.config.Now()
	if err := l.fetch(ctx, r, batches, l.patience()); err != nil {
		return nil, err
	}
	since := l.last
	l.last = time.Now()
	enough := l.engine.config.BatchMessages / 2
	n := messagesIn(batches)
	for n < enough && slices.ContainsFunc(batches, (*Batch).behind) && len(r.leaving) == 0 {
		if err := l.fetch(ctx, r, batches, 0); err != nil {
			return nil, err
		}
		before := n
		if n = messagesIn(batches); n == before {
			break
		}
	}
	l.setPace(n, l.last.Sub(since), slices.ContainsFunc(batches, (*Batch).behind))
	l.close(r, batches, begin, emptyAt)
	return r, nil
}

// patience is how long the broker may hold a fetch that finds nothing.
func (l *lane) patience() time.Duration {
	if l.lanes.outside.Load() > 0 {
		return joinWait
	}
	return maxWait
}

const (
	// fastShare is the part of a batch that must come within the batch age for
	// messages to come fast.
	fastShare = 3
	// mostAges is how many batch ages lie between rounds then. Inserted 1,000 at a time,
	// decisions cost ClickHouse 9 µs a row, and 5,000 at a time 3 µs (BenchmarkInsert).
	mostAges = 3
)

// setPace chooses how long after this round the next may begin, by how many messages
// came since the one before it, and by whether there are more.
func (l *lane) setPace(messages int, since time.Duration, more bool) {
	config := l.engine.config
	perAge := float64(messages) * config.BatchAge.Seconds() / since.Seconds()
	switch {
	case messages == 0 || more:
		l.pace = 0
	case perAge >= float64(config.BatchMessages)/fastShare:
		l.pace = mostAges * config.BatchAge
	default:
		l.pace = config.BatchAge
	}
}

// fetch fetches once for all partitions, with success; what came may be nothing.
func (l *lane) fetch(ctx context.Context, r *round, batches []*Batch, wait time.Duration) error {
	return l.engine.retry(ctx, l.log, actFetch, forEver, l.partitions, func(ctx context.Context) error {
		faults, err := l.engine.fetcher.fetch(ctx, batches, wait)
		for i, fault := range faults {
			r.leaving[l.holds[i]] = fault
		}
		if _, moved := errors.AsType[*fetchapi.Error](err); moved { // there is no one leader
			for _, h := range l.holds {
				r.leaving[h] = err
			}
			return nil
		}
		return err
	})
}

func (l *lane) partitions() []int { return numbers(l.holds, func(h *hold) int { return h.partition }) }

// numbers are the partitions' of what is about them.
func numbers[T any](of []T, number func(T) int) []int {
	out := make([]int, len(of))
	for i := range of {
		out[i] = number(of[i])
	}
	return out
}

// close puts the batches into the round, and next time asks first for those that were
// asked for last.
func (l *lane) close(r *round, batches []*Batch, begin, emptyAt time.Time) {
	served := 0
	for i, h := range l.holds {
		b := batches[i]
		switch {
		case r.leaving[h] != nil:
			continue
		case b.To > b.From: // its lag is told when it is applied
			r.parts = append(r.parts, part{hold: h, batch: b})
			h.next, h.busy, h.told = b.To, begin, time.Time{}
			if served = i + 1; i > 0 && b.behind() {
				served = i // it came last, and goes on first
			}
		case !b.behind() && begin.Sub(h.busy) >= maxWait && begin.Sub(h.told) >= restEvery:
			r.empty[h], h.told = emptyAt, begin
		}
		l.engine.metrics.fetched(b)
	}
	l.holds = slices.DeleteFunc(slices.Concat(l.holds[served:], l.holds[:served]), func(h *hold) bool { return r.leaving[h] != nil })
}

func messagesIn(batches []*Batch) (n int) {
	for _, b := range batches {
		n += len(b.Messages)
	}
	return n
}
