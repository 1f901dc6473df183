package consumers

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tajdeed/schema"
)

// round is what a broker's loop fetched at once. It belongs to the goroutine that
// fetches, then to the one that orders rounds, and then to one of its own.
type round struct {
	parts  []part
	faults map[*session]error     // why sessions cannot be fetched for any more
	moves  []*session             // those that go on in the other loop of their broker
	idle   map[*session]time.Time // where nothing has come for a while, and when that was seen

	before []<-chan struct{} // closed at the end of each round that it waits for
	ended  chan struct{}     // closed at its own end
}

// part is a session's part of a round.
type part struct {
	session *session
	batch   *Batch
	work    Work
}

// split cuts a round that is larger than most messages into several.
func (r *round) split(most int) []*round {
	var rounds []*round
	now, n := &round{}, 0
	for _, p := range r.parts {
		for _, b := range p.batch.split(most) {
			if n > 0 && n+len(b.Messages) > most {
				rounds, now, n = append(rounds, now), &round{}, 0
			}
			now.parts = append(now.parts, part{session: p.session, batch: b})
			n += len(b.Messages)
		}
	}
	now.faults, now.moves, now.idle = r.faults, r.moves, r.idle // the last: sessions leave after their messages
	return append(rounds, now)
}

// workRounds works on rounds until there are no more, beside one another. Those that have
// a partition in common go in their order.
func (l *brokerLoop) workRounds(doing context.Context, rounds <-chan *round) {
	var working sync.WaitGroup
	for r := range rounds {
		// Here, and not in the round's goroutine: rounds line up in the order in which they
		// were fetched, and this goroutine alone sees that order.
		r.lineUp()
		working.Go(func() {
			defer func() { close(r.ended); <-l.slots }()
			l.work(doing, r)
		})
	}
	working.Wait()
}

// lineUp has the round wait for the last one of each of its sessions.
func (r *round) lineUp() {
	r.ended = make(chan struct{})
	after := func(s *session) {
		if s.lastRound != nil && s.lastRound != r.ended {
			r.before = append(r.before, s.lastRound)
		}
		s.lastRound = r.ended
	}
	for _, p := range r.parts {
		after(p.session)
	}
	for s := range r.faults {
		after(s)
	}
	for _, s := range r.moves {
		after(s)
	}
	for s := range r.idle {
		after(s)
	}
}

// togetherMost is how often a round is tried that fails whole. Most faults pass, so it is
// tried again; but what is wrong may be wrong with its partitions only, and the rounds after
// it wait. So then its partitions leave, and their workers try for ever.
const togetherMost = 3

// work takes a round from the fetch to the announcement: decode ▸ look up ▸ decide ▸ apply ▸
// announce. [worker.workAlone] does the same for one partition by itself. Where something
// is wrong with one partition, its session leaves the loop and its worker sees to it: the
// next session fetches the messages again.
func (l *brokerLoop) work(doing context.Context, r *round) {
	// Decode. That needs no store, so it is done while earlier rounds are still in theirs.
	for i := range r.parts {
		r.parts[i].work = r.parts[i].session.stage.Prepare(r.parts[i].batch)
	}

	// The batches of a partition take effect in their order, so the round waits here for
	// those before it. From now on it is the only one that works on its sessions.
	for _, ended := range r.before {
		<-ended
	}

	// Look up, decide, apply and announce are the stage's Apply, here for all parts as one.
	// What failed is tried again, with the parts that it failed for.
	parts, tried := r.parts, []part(nil)
	partitions := func() []schema.TopicPartition {
		return partitionsOf(tried, func(p part) schema.TopicPartition { return p.session.at })
	}
	err := context.Cause(doing)
	if err == nil {
		parts = l.checkFloods(parts)
		begin := time.Now()
		err = l.engine.retry(doing, l.log, actApply, togetherMost, partitions, func(ctx context.Context) (err error) {
			tried = parts
			parts, err = l.attempt(ctx, begin, parts)
			return err
		})
	}
	if err != nil && doing.Err() != nil {
		// Since this round was not applied, no later one of its partitions may be. None is: doing
		// has ended for them too.
		l.log.Warn("a batch was left to whoever owns the partitions next", "cause", err)
		return
	}

	// Sessions leave: those whose parts failed, and, now that what was fetched before is
	// applied, those that could not be fetched for and those that belong in the other loop.
	for _, p := range parts {
		p.session.leave(err)
	}
	for s, fault := range r.faults {
		s.leave(fault)
	}
	for _, s := range r.moves {
		s.leave(errMoves)
	}

	// Stages learn of partitions in which nothing was left.
	ctx, cancel := context.WithTimeout(doing, idleTimeout)
	defer cancel()
	for s, emptyAt := range r.idle {
		if !s.hasLeft.Load() {
			s.idle(ctx, emptyAt)
		}
	}
}

// leave ends a session's time in its broker's loop. Only the first reason counts.
func (s *session) leave(reason error) {
	if s.hasLeft.CompareAndSwap(false, true) {
		s.leaveReason <- reason
	}
}

// checkFloods returns the parts that may be applied: their session has not left, and not too
// much of their partition would be quarantined.
func (l *brokerLoop) checkFloods(parts []part) []part {
	return slices.DeleteFunc(parts, func(p part) bool {
		if !p.session.hasLeft.Load() {
			if err := p.session.breaker.check(len(p.batch.Messages), len(p.batch.quarantined)); err != nil {
				p.session.leave(err)
			}
		}
		return p.session.hasLeft.Load()
	})
}

// attempt applies parts of a round together. It returns those that are to be tried again.
// A session whose position another worker has moved, or of which a message is refused,
// leaves; so does one that fails where another does not.
func (l *brokerLoop) attempt(ctx context.Context, begin time.Time, parts []part) (again []part, err error) {
	done := make([]*Batch, 0, len(parts))
	for i, fault := range l.applyTogether(ctx, parts) {
		p := parts[i]
		switch {
		case fault == nil:
			done = append(done, p.batch)
			p.session.commitLater(p.batch)
		case errors.Is(fault, ErrFenced), KindOf(fault) == Refused:
			p.session.leave(fault)
		default:
			again, err = append(again, p), fault
		}
	}
	if len(done) == 0 {
		return again, err
	}
	l.engine.metrics.applied(time.Since(begin), done...)
	for _, p := range again {
		p.session.leave(err)
	}
	return nil, nil
}

// besideAfter is how long a part of a round may take until the next one is applied beside
// it. Those that are quick go one after the other: a store that shares its machine with
// others is asked for less at once.
const besideAfter = 50 * time.Millisecond

// applyTogether applies parts of a round in their turn, as one if the handler can, and
// returns what became of each. If it can't, one that is slow holds the others up no longer
// than besideAfter.
func (l *brokerLoop) applyTogether(ctx context.Context, parts []part) []error {
	e, errs := l.engine, make([]error, len(parts))
	if joiner, ok := e.handler.(Joiner); ok && len(parts) > 1 {
		works := make([]Work, len(parts))
		for i, p := range parts {
			works[i] = p.work
		}
		err := e.inTurn(ctx, l.backlog, joiner.Join(works).Apply)
		for i, p := range parts {
			errs[i] = faultOf(err, p.session.at)
		}
		return errs
	}
	var applying sync.WaitGroup
	for i, p := range parts {
		done := make(chan struct{})
		applying.Go(func() {
			defer close(done)
			errs[i] = e.inTurn(ctx, l.backlog, p.work.Apply)
		})
		select {
		case <-done:
		case <-time.After(besideAfter):
		}
	}
	applying.Wait()
	return errs
}

// errOtherFenced is of a partition that was to be applied together with one whose position
// was moved. The transaction changed nothing, so it is tried again without that one.
var errOtherFenced = errors.New("another worker has moved the position of a partition that was to be applied with this one")

// faultOf is what an error of joint works means for one partition of them.
func faultOf(err error, partition schema.TopicPartition) error {
	if partial, ok := errors.AsType[*PartialError](err); ok {
		return partial.Faults[partition]
	}
	if fenced, ok := errors.AsType[*FencedError](err); ok && !slices.Contains(fenced.Partitions, partition) {
		return errOtherFenced
	}
	return err
}
