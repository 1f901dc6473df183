package consumers

import (
	"context"
	"errors"
	"slices"
	"time"
)

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
