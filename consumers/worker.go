package consumers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
)

// worker works on one partition for one generation of the group. It takes the partition
// over, and then has it worked on in the loop of the broker that leads it, together with
// others, until something is wrong with it alone; then it begins again, with a batch by
// itself. So what concerns a single partition (a takeover, a
// message that Postgres refuses, a gap, a flood) happens here, one step after another,
// and holds no other partition up.
type worker struct {
	*membership

	at        schema.TopicPartition
	committer *committer
	loops     *brokerLoops
	claim     *Claim
	breaker   *breaker
	log       *slog.Logger

	// first says that it is the worker's first session. alone fetches for a batch by itself; in
	// the first session it has a share of what a process may hold, because all the generation's
	// workers begin at the same time.
	first bool
	alone *fetch.Fetcher
}

// leastBytes is the least that is fetched at once for a partition, if there is more.
const leastBytes = 64 << 10

// maxWait is how long the broker holds a fetch that finds nothing. Then the partition
// is idle.
const maxWait = 500 * time.Millisecond

func (m *membership) newWorker(at schema.TopicPartition, generation *kafka.Generation, committer *committer, loops *brokerLoops, workers int) *worker {
	config := m.engine.config
	alone := *m.fetcher
	alone.MaxBytes = min(alone.MaxBytes, max((config.Concurrency+1)*config.BatchBytes/workers, leastBytes))
	return &worker{
		first:      true,
		alone:      &alone,
		membership: m,
		at:         at,
		committer:  committer,
		loops:      loops,
		claim: &Claim{
			client: m.client(), group: config.Group, at: at,
			generation: int(generation.ID), member: generation.MemberID,
		},
		breaker: &breaker{limit: config.QuarantineLimit},
		log:     m.engine.log.With("topic", at.Topic, "partition", at.Partition),
	}
}

// session is a worker's work on its partition, from one [Handler.Open] to the next.
//
// One goroutine at a time works on it: the worker's, and while the session is in a
// broker's loop, the one of the round in turn. Each hands over to the next by a channel,
// so stage, claim and breaker need no lock.
type session struct {
	*worker
	stage Partition

	// These belong to the worker's goroutine until the session joins a loop, and to the
	// goroutine that fetches there from then on. Nobody reads them after the session left.
	next        int64     // the offset to fetch next
	lastMessage time.Time // when the fetch began that last found something
	lastIdle    time.Time // when the stage was last told that nothing comes
	served      int64     // the last fetch of its loop that found something
	behind      bool      // whether it goes on in the loop of those that are behind

	// This belongs to the goroutine of the loop that puts rounds in their order.
	lastRound <-chan struct{} // closed at the end of the session's last round

	// Any goroutine may have the session leave, the first does: see leave.
	hasLeft     atomic.Bool // batches of it that are still on their way in the loop are dropped
	leaveReason chan error  // has room for one, so that leave never waits for the worker
}

// newRun begins a run where the partition goes on.
func (s *session) newRun() *fetch.Run {
	return &fetch.Run{TopicPartition: s.at, From: s.next, To: s.next}
}

// newBatch is a batch of what was fetched.
func (s *session) newBatch(r *fetch.Run) *Batch {
	return &Batch{
		Topic: s.at.Topic, Partition: s.at.Partition, Partitions: s.topics[s.at.Topic],
		From: r.From, To: r.To, Messages: r.Messages, HighWatermark: r.HighWatermark,
	}
}

// run works until taking ends: it takes the partition over, and does so again after
// everything that interrupts it. A batch in flight may end as long as doing lasts.
func (w *worker) run(taking, doing context.Context) {
	for taking.Err() == nil {
		err := w.workSession(taking, doing)
		w.first, w.alone = false, w.fetcher // whatever ended the session is met by a batch of any size
		switch {
		case errors.Is(err, ErrFenced):
			w.log.Info("another worker has gone on from here; looking where the partition stands")
			w.engine.metrics.fenced.Inc()
			_ = wait(taking, retryFirst)
		case errors.Is(err, errDrained):
			w.log.Warn("a batch was left to whoever owns the partition next", "cause", err)
		case taking.Err() == nil:
			w.log.Info("the partition is worked on by itself", "cause", err)
			_ = wait(taking, retryFirst)
		}
	}
}

// workSession works on the partition until taking ends, or until it has to be opened
// again.
func (w *worker) workSession(taking, doing context.Context) error {
	// Opening announces what the worker before this one applied and may not have announced.
	s, start, err := w.open(taking)
	if err != nil {
		return err
	}
	w.engine.setHealth(nil, w.at)

	// Whatever made the last session end, a batch by itself gets past it, or waits for an
	// operator; only then do other partitions depend on this one. In a worker's first session
	// nothing has happened yet, and a batch of each partition by itself would be as many
	// transactions at every rebalance.
	if !w.first || start.Until > 0 {
		err = w.workAlone(taking, doing, s, start.Until)
	}
	if err == nil {
		err = w.workTogether(taking, doing, s)
	}

	// What was announced last is noted, or it is announced again. A partition that is
	// another's is left alone.
	if doing.Err() == nil && !errors.Is(err, ErrFenced) {
		ctx, cancel := context.WithTimeout(doing, idleTimeout)
		defer cancel()
		s.idle(ctx, time.Time{})
	}
	return err
}

// open takes the partition over, however long that takes.
func (w *worker) open(ctx context.Context) (s *session, start Start, err error) {
	s = &session{worker: w, leaveReason: make(chan error, 1)}
	err = w.retry(ctx, actOpen, func(ctx context.Context) error {
		logStart, err := w.logStart(ctx, w.at)
		if err != nil {
			return fmt.Errorf("find the log's start: %w", err)
		}
		s.stage, start, err = w.engine.handler.Open(ctx, Assignment{TopicPartition: w.at, LogStart: logStart, Claim: w.claim})
		return err
	})
	s.next = start.Next
	return s, start, err
}

// workAlone takes the partition's next messages all the way by themselves: fetch ▸
// decode ▸ look up ▸ decide ▸ apply ▸ announce. If until is not 0, they are exactly the
// batch that ends there. [brokerLoop.work] does the same for several partitions.
func (w *worker) workAlone(taking, doing context.Context, s *session, until int64) error {
	// Fetch, for this partition only. What came may be nothing.
	fetched := s.newRun()
	for again := true; again; again = fetched.To < until {
		err := w.retry(taking, actFetch, func(ctx context.Context) error {
			faults, err := w.alone.Fetch(ctx, []*fetch.Run{fetched}, maxWait)
			if err == nil {
				err = faults[0]
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	s.behind = fetched.Remaining() > int64(w.engine.config.BatchMessages)
	all := s.newBatch(fetched)
	if all.To == all.From {
		w.engine.metrics.setLag(all)
		return nil
	}
	batches := all.split(w.engine.config.BatchMessages)
	if until > s.next {
		batches = []*Batch{all.before(until)}
	}
	for _, b := range batches {
		// Decode. What cannot be read is quarantined, unless that is most of the partition.
		work := s.stage.Prepare(b)
		if err := w.checkFlood(doing, b); err != nil {
			return err
		}
		// Look up, decide, apply and announce are the stage's Apply.
		if err := w.applyOrHalve(doing, s, b, work); err != nil {
			return err
		}
		s.next = b.To // what comes next is fetched from here, also by the loop
	}
	return nil
}

// checkFlood waits for an operator where too much of the partition would be quarantined.
func (w *worker) checkFlood(doing context.Context, b *Batch) error {
	return w.retry(doing, actApply, func(context.Context) error {
		return w.breaker.check(len(b.Messages), len(b.quarantined))
	})
}

// applyOrHalve applies a batch, however often it takes. Where Postgres refuses it because
// of a message, it is halved until that message is alone, which is quarantined; the others
// take effect in their order. k such messages among n cost about 2 k log n transactions.
func (w *worker) applyOrHalve(doing context.Context, s *session, b *Batch, work Work) error {
	begin := time.Now()
	err := w.retry(doing, actApply, func(ctx context.Context) error { return w.engine.inTurn(ctx, s.behind, work.Apply) })
	switch {
	case err == nil:
		w.engine.metrics.applied(time.Since(begin), b)
		w.commitLater(b)
		return nil
	case KindOf(err) != Refused || b.refused > 0:
		return err
	}
	for _, half := range w.halves(b, err) {
		work := s.stage.Prepare(half)
		if half.refused > 0 { // the others were checked with the whole batch
			if err := w.checkFlood(doing, half); err != nil {
				return err
			}
		}
		if err := w.applyOrHalve(doing, s, half, work); err != nil {
			return err
		}
	}
	return nil
}

// halves cuts a refused batch in two, or quarantines its only message.
func (w *worker) halves(b *Batch, refused error) []*Batch {
	if n := len(b.Messages); n > 1 {
		head, tail := b.cut(n / 2)
		return []*Batch{head, tail}
	}
	w.log.Warn("Postgres refuses a message; it is quarantined", "offset", b.Messages[0].Offset, "cause", sqlState(refused))
	return []*Batch{b.without(&schema.Error{Rule: schema.RuleNotStorable, Detail: sqlState(refused)})}
}

// commitLater has the offset committed to which a batch was applied, unless the stage
// commits it itself, in a claim.
func (w *worker) commitLater(b *Batch) {
	if !w.claim.used {
		w.committer.set(w.at, b.To)
	}
}

// workTogether has the partition worked on in the loops of its leader, in the one for
// partitions that are behind as long as it is, until it leaves them, which is an error, or
// they end with the generation.
func (w *worker) workTogether(taking, doing context.Context, s *session) error {
	var leader int
	err := w.retry(taking, actFetch, func(ctx context.Context) (err error) {
		if leader, err = w.leader(ctx, w.at); err != nil {
			return fmt.Errorf("find the leader: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for {
		err := w.loops.join(taking, doing, loopKey{leader, s.behind}, s)
		if !errors.Is(err, errMoves) {
			return err
		}
		// Its last round there is applied, and nobody else has the session: it is not opened again.
		s.behind = !s.behind
		s.hasLeft.Store(false)
	}
}

// errMoves is why a session leaves a loop when it belongs in the other one of its broker.
var errMoves = errors.New("the partition goes on in another loop")

// idleTimeout is how long a store may take to write down what waits, of all partitions of
// a round. One that hangs is found by the next batch, which must get to it.
const idleTimeout = 5 * time.Second

// idle lets the stage write down what otherwise waits for the next batch. If that fails,
// it goes on waiting.
func (s *session) idle(ctx context.Context, emptyAt time.Time) {
	if err := s.stage.Idle(ctx, emptyAt); err != nil {
		s.log.Warn("what was done could not be noted; it may be announced again", "error", err)
	}
}

// retry tries again, for this partition, what may pass.
func (w *worker) retry(ctx context.Context, act string, do func(context.Context) error) error {
	return w.engine.retry(ctx, w.log, act, forEver, func() []schema.TopicPartition { return []schema.TopicPartition{w.at} }, do)
}
