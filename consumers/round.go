package consumers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// round is what a lane fetched at once.
type round struct {
	parts   []part
	leaving map[*hold]error     // what cannot be fetched any more
	empty   map[*hold]time.Time // where nothing has come for a while; when that was seen

	before []<-chan struct{} // the ends of those that it goes behind
	done   chan struct{}     // its own
}

// part is a partition's part of a round.
type part struct {
	hold  *hold
	batch *Batch
	work  Work
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

// applyAll applies rounds until there are no more, beside one another. Those that have a
// partition in common go in their order.
func (l *lane) applyAll(doing context.Context, in <-chan *round) {
	var working sync.WaitGroup
	for r := range in {
		r.queue()
		working.Go(func() {
			defer func() { close(r.done); <-l.room }()
			r.prepare()
			for _, end := range r.before {
				<-end
			}
			l.handle(doing, r)
		})
	}
	working.Wait()
}

// queue puts the round behind the last of each of its partitions.
func (r *round) queue() {
	r.done = make(chan struct{})
	behind := func(h *hold) {
		if h.last != nil && h.last != r.done {
			r.before = append(r.before, h.last)
		}
		h.last = r.done
	}
	for _, p := range r.parts {
		behind(p.hold)
	}
	for h := range r.leaving {
		behind(h)
	}
	for h := range r.empty {
		behind(h)
	}
}

// handle applies a round, and lets go of the partitions that leave with it.
func (l *lane) handle(doing context.Context, r *round) {
	if err := l.apply(doing, r); err != nil {
		l.log.Warn("a batch was left to whoever owns the partitions next", "cause", err)
		return
	}
	for h, err := range r.leaving {
		h.leave(err)
	}
	resting, cancel := context.WithTimeout(doing, restTimeout)
	defer cancel()
	for h, emptyAt := range r.empty {
		if !h.gone.Load() {
			h.rest(resting, emptyAt)
		}
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

// apply applies a round. Partitions that it cannot be applied for leave the lane. It fails
// where it could not be ended in time: then nothing behind it may be applied.
func (l *lane) apply(doing context.Context, r *round) error {
	if doing.Err() != nil {
		return context.Cause(doing)
	}
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
