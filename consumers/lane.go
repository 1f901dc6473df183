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

	mu   sync.Mutex
	byID map[laneID]*lane
}

// laneID tells lanes apart: several of each leader.
type laneID struct{ leader, number int }

func newLanes(e *Engine, partitions int) *lanes {
	l := &lanes{engine: e, byID: map[laneID]*lane{}}
	l.outside.Store(int64(partitions))
	return l
}

// travel lets a partition travel until it leaves its lane, which is an error, or the
// lane ends with the generation.
func (ls *lanes) travel(taking, doing context.Context, leader int, h *hold) error {
	l := ls.open(taking, doing, laneID{leader: leader, number: h.partition % ls.engine.config.Concurrency})
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

// open returns a lane, which begins with the first partition that it is for.
func (ls *lanes) open(taking, doing context.Context, id laneID) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.byID[id]
	if !ok {
		l = &lane{
			engine: ls.engine, lanes: ls, log: ls.engine.log.With("topic", ls.engine.config.Topic),
			joining: make(chan *hold), done: make(chan struct{}),
		}
		ls.byID[id] = l
		rounds := make(chan *round, 1)
		ls.working.Go(func() { l.fetchAll(taking, rounds) })
		ls.working.Go(func() {
			defer close(l.done)
			l.applyAll(doing, rounds)
		})
	}
	return l
}

// A lane is where partitions travel together that have the same leader: one request
// fetches for all of them, and what came is applied as one. So a thousand messages a
// second in a dozen partitions are some fifty transactions, not some three hundred.
// Two goroutines share the work: one fetches and prepares the next round while the
// other applies this one. The channel between them holds one round, so that a slow
// store stops the fetching.
type lane struct {
	engine  *Engine
	lanes   *lanes
	log     *slog.Logger
	joining chan *hold
	done    chan struct{}

	holds []*hold // whose partitions are fetched
	last  time.Time
	pace  time.Duration
}

// round is what a lane fetched at once.
type round struct {
	parts   []part
	leaving map[*hold]error     // what cannot be fetched any more
	empty   map[*hold]time.Time // where nothing has come for a while; when that was seen
}

// part is a partition's part of a round.
type part struct {
	hold  *hold
	batch *Batch
	work  Work
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
	for l.gather(ctx) {
		r, err := l.next(ctx)
		if err != nil {
			return // ctx ended
		}
		for _, some := range r.split(l.engine.config.BatchMessages) {
			some.prepare()
			select {
			case out <- some:
			case <-ctx.Done():
				return
			}
		}
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
	begin := time.Now()
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
	l.close(r, batches, begin)
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
	fastShare = 8
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
func (l *lane) close(r *round, batches []*Batch, begin time.Time) {
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
			r.empty[h], h.told = begin, begin
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

// split cuts a round that is larger than most into several.
func (r *round) split(most int) []*round {
	var rounds []*round
	now, n := &round{}, 0
	for _, p := range r.parts {
		for _, b := range p.batch.split(most) {
			if n > 0 && n+len(b.Messages) > most {
				rounds, now, n = append(rounds, now), &round{}, 0
			}
			now.parts = append(now.parts, part{hold: p.hold, batch: b})
			n += len(b.Messages)
		}
	}
	now.leaving, now.empty = r.leaving, r.empty // behind what came before
	return append(rounds, now)
}

func (r *round) prepare() {
	for i := range r.parts {
		r.parts[i].work = r.parts[i].hold.stage.Prepare(r.parts[i].batch)
	}
}

// applyAll applies rounds in their order until there are no more, or one could not be
// ended in time.
func (l *lane) applyAll(doing context.Context, in <-chan *round) {
	for r := range in {
		if err := l.apply(doing, r); err != nil {
			l.log.Warn("a batch was left to whoever owns the partitions next", "cause", err)
			break
		}
		for h, err := range r.leaving {
			h.leave(err)
		}
		for h, emptyAt := range r.empty {
			if !h.gone.Load() {
				rest(doing, h, emptyAt)
			}
		}
	}
	for range in { // fetchAll closes it
	}
}

// leave ends a partition's way in its lane.
func (h *hold) leave(err error) {
	if h.gone.CompareAndSwap(false, true) {
		h.left <- err
	}
}

// togetherMost is how often a round is tried that fails whole. What is wrong may be wrong
// with its partitions only, and others wait behind it.
const togetherMost = 3

// apply applies a round. Partitions that it cannot be applied for leave the lane.
func (l *lane) apply(doing context.Context, r *round) error {
	parts := slices.DeleteFunc(r.parts, func(p part) bool {
		if !p.hold.gone.Load() {
			if err := p.hold.breaker.admit(len(p.batch.Messages), len(p.batch.quarantined)); err != nil {
				p.hold.leave(err)
			}
		}
		return p.hold.gone.Load()
	})
	if len(parts) == 0 {
		return nil
	}
	begin := time.Now()
	var tried []part
	partitions := func() []int { return numbers(tried, func(p part) int { return p.batch.Partition }) }
	err := l.engine.retry(doing, l.log, actApply, togetherMost, partitions, func(ctx context.Context) (err error) {
		tried = parts
		parts, err = l.attempt(ctx, begin, parts)
		return err
	})
	if doing.Err() != nil {
		return err
	}
	for _, p := range parts {
		p.hold.leave(err)
	}
	return nil
}

// attempt applies parts of a round together. It returns those that are to be tried
// again; a partition that another worker owns, or of which a message is refused, leaves
// the lane, and so does one that fails where another does not.
func (l *lane) attempt(ctx context.Context, begin time.Time, parts []part) (again []part, err error) {
	done := make([]*Batch, 0, len(parts))
	for i, fault := range l.engine.applyTogether(ctx, parts) {
		p := parts[i]
		switch {
		case fault == nil:
			done = append(done, p.batch)
			p.hold.mark(p.batch)
		case errors.Is(fault, ErrFenced), KindOf(fault) == Refused:
			p.hold.leave(fault)
		default:
			again, err = append(again, p), fault
		}
	}
	if len(done) == 0 {
		return again, err
	}
	l.engine.metrics.applied(time.Since(begin), done...)
	for _, p := range again {
		p.hold.leave(err)
	}
	return nil, nil
}
