package consumers

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
)

// brokerLoops are those of one generation of the group.
type brokerLoops struct {
	*membership

	running sync.WaitGroup // the generation's workers, and the loops' goroutines
	outside atomic.Int64   // how many of the generation's partitions are in no loop
	behind  atomic.Int64   // how many are in a loop for those that are behind

	mu    sync.Mutex
	loops map[loopKey]*brokerLoop
}

// loopKey tells a generation's loops apart. A broker has two: one for partitions that are
// behind, and one for the others. So a message that comes to a quiet channel is not fetched,
// lined up and applied behind the backlog of another one.
type loopKey struct {
	broker  int // its id
	backlog bool
}

func newBrokerLoops(m *membership, partitions int) *brokerLoops {
	ls := &brokerLoops{membership: m, loops: map[loopKey]*brokerLoop{}}
	ls.outside.Store(int64(partitions))
	return ls
}

// join has a session's partition worked on in a loop of its leader, until it leaves that,
// which is an error, or the loop ends with the generation.
func (ls *brokerLoops) join(taking, doing context.Context, key loopKey, s *session) error {
	l := ls.find(taking, doing, key)
	// The channel is unbuffered, so after the send the loop has the session. Until then the
	// partition counts as outside, for which the loop keeps its fetches short: it takes
	// sessions between two of them. Nor can a session be forgotten in the buffer of a loop
	// that has ended.
	select {
	case l.joining <- s:
	case <-l.ended:
		return nil
	}
	ls.outside.Add(-1)
	defer ls.outside.Add(1)
	if key.backlog {
		ls.behind.Add(1)
		defer ls.behind.Add(-1)
	}
	select {
	case err := <-s.leaveReason:
		return err
	case <-l.ended:
		return nil
	}
}

// find returns a loop, which begins with the first partition that is to join it.
func (ls *brokerLoops) find(taking, doing context.Context, key loopKey) *brokerLoop {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l, ok := ls.loops[key]
	if !ok {
		l = &brokerLoop{
			engine: ls.engine, loops: ls, log: ls.engine.log, backlog: key.backlog,
			joining: make(chan *session), slots: make(chan struct{}, ls.engine.config.Concurrency+1), ended: make(chan struct{}),
		}
		ls.loops[key] = l
		// Unbuffered too. The goroutine that receives only lines rounds up and starts theirs, so
		// it is always ready; the slots limit how many rounds there are.
		rounds := make(chan *round)
		ls.running.Go(func() { l.fetchRounds(taking, rounds) })
		ls.running.Go(func() {
			defer close(l.ended)
			l.workRounds(doing, rounds)
		})
	}
	return l
}

// A brokerLoop works together on the partitions that one broker leads and that are behind, or
// that are not, as long as nothing is wrong with one of them alone: one request fetches for
// all, and what came is a round, which is applied as one. So a thousand messages a second in a dozen partitions are less
// than a hundred transactions, not some three hundred. Under backlog, when a partition or
// two fill a round, several rounds of different partitions are applied at once: see
// workRounds. Where no slot is free the fetching waits, so that a slow store stops it.
//
// A round that takes long holds up those after it that have a partition in common with
// it, and with them, once they have all the slots, the loop. That ends when it has been
// tried togetherMost times: then its partitions leave.
type brokerLoop struct {
	engine  *Engine
	loops   *brokerLoops
	log     *slog.Logger
	backlog bool // whether its partitions are behind

	joining chan *session // see join
	slots   chan struct{} // one for each round that is fetched, prepared or applied
	ended   chan struct{} // closed when no session of the loop is worked on any more

	// These belong to the goroutine that fetches.
	sessions  []*session // whose partitions are fetched, in the order in which they are asked for
	fetches   int64      // how many rounds were fetched
	lastFetch time.Time
	pace      time.Duration // how long after the last fetch the next round begins at the soonest
}

const (
	// idleEvery is how often an idle partition's stage is told so.
	idleEvery = 5 * time.Second
	// joinWait is how long a fetch that finds nothing keeps a partition from joining, also one
	// that has just caught up.
	joinWait = 50 * time.Millisecond
)

// fetchRounds fetches rounds and hands them over until ctx ends.
func (l *brokerLoop) fetchRounds(ctx context.Context, rounds chan<- *round) {
	defer close(rounds)
	// The slot comes before the fetch, because what was fetched takes memory. The sessions
	// come after the slot, because some may leave or join while the loop waits for it.
	for l.takeSlot(ctx) && l.updateSessions(ctx) {
		fetched, err := l.fetchRound(ctx)
		if err != nil {
			return // ctx ended
		}
		for i, r := range fetched.split(l.engine.config.BatchMessages) {
			if i > 0 && !l.takeSlot(ctx) {
				return
			}
			rounds <- r // gives the slot back at its end
		}
	}
}

// takeSlot waits for a slot for a round. It is false when ctx has ended.
func (l *brokerLoop) takeSlot(ctx context.Context) bool {
	select {
	case l.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// updateSessions drops the sessions that have left, and adds those that join; where there
// is none it waits for one. It is false when ctx has ended.
func (l *brokerLoop) updateSessions(ctx context.Context) bool {
	for {
		// Again after each that joins: it may be the next session of a partition whose last one
		// has just left, and both together would ask for the partition twice.
		l.sessions = slices.DeleteFunc(l.sessions, func(s *session) bool { return s.hasLeft.Load() })
		if len(l.sessions) == 0 {
			select {
			case s := <-l.joining:
				l.sessions = append(l.sessions, s)
			case <-ctx.Done():
				return false
			}
		}
		select {
		case s := <-l.joining:
			l.sessions = append(l.sessions, s)
		default:
			return ctx.Err() == nil
		}
	}
}

// fetchRound fetches what lies next in the loop's partitions. A message that comes after a
// pause is fetched at once. Where messages follow one another, a round begins no sooner
// than a batch age after the one before it, or a few ages where they come fast, because a
// store takes almost as long for a small batch as for a large one; under backlog nothing
// waits.
func (l *brokerLoop) fetchRound(ctx context.Context) (*round, error) {
	if err := wait(ctx, time.Until(l.lastFetch.Add(l.pace))); err != nil {
		return nil, err
	}
	if l.fetches++; l.backlog {
		takeTurns(l.sessions)
	}
	runs := make([]*fetch.Run, len(l.sessions))
	for i, s := range l.sessions {
		runs[i] = s.newRun()
	}
	r := &round{faults: map[*session]error{}, idle: map[*session]time.Time{}}
	// The clocks are read before the fetch. Read after it, emptyAt could be later than a
	// message that was published after the broker answered.
	begin, emptyAt := time.Now(), l.engine.config.Now()
	if err := l.fetch(ctx, r, runs, l.fetchWait()); err != nil {
		return nil, err
	}
	since := l.lastFetch
	l.lastFetch = time.Now()
	// A broker may answer with less than there is. Under backlog a round of less than half a
	// batch is topped up, without waiting for what is not there.
	enough := l.engine.config.BatchMessages / 2
	n := messagesIn(runs)
	for n < enough && slices.ContainsFunc(runs, (*fetch.Run).Behind) && len(r.faults) == 0 {
		if err := l.fetch(ctx, r, runs, 0); err != nil {
			return nil, err
		}
		before := n
		if n = messagesIn(runs); n == before {
			break
		}
	}
	l.setPace(n, l.lastFetch.Sub(since), slices.ContainsFunc(runs, (*fetch.Run).Behind))
	l.fill(r, runs, begin, emptyAt)
	return r, nil
}

// takeTurns puts sessions in the order in which they are asked for under backlog, when one or
// two fill an answer: topics take turns, and among a topic's partitions those that were served
// longest ago come first. So a channel's share does not grow with the partitions that are
// behind, and where several channels have a backlog none waits for another's to end.
func takeTurns(sessions []*session) {
	byTopic := map[string][]*session{}
	for _, s := range sessions {
		byTopic[s.at.Topic] = append(byTopic[s.at.Topic], s)
	}
	served, rank := map[string]int64{}, map[*session]int{}
	for topic, of := range byTopic {
		slices.SortStableFunc(of, func(a, b *session) int { return cmp.Compare(a.served, b.served) })
		served[topic] = of[len(of)-1].served
		for i, s := range of {
			rank[s] = i
		}
	}
	slices.SortStableFunc(sessions, func(a, b *session) int {
		return cmp.Or(rank[a]-rank[b], cmp.Compare(served[a.at.Topic], served[b.at.Topic]), strings.Compare(a.at.Topic, b.at.Topic))
	})
}

// fetchWait is how long the broker may hold a fetch that finds nothing.
func (l *brokerLoop) fetchWait() time.Duration {
	if l.loops.outside.Load() > 0 || !l.backlog && l.loops.behind.Load() > 0 {
		return joinWait
	}
	return maxWait
}

// fetch fetches once for all partitions, and tries until that succeeds; what came may be
// nothing.
func (l *brokerLoop) fetch(ctx context.Context, r *round, runs []*fetch.Run, maxWait time.Duration) error {
	partitions := func() []schema.TopicPartition {
		return partitionsOf(l.sessions, func(s *session) schema.TopicPartition { return s.at })
	}
	return l.engine.retry(ctx, l.log, actFetch, forEver, partitions, func(ctx context.Context) error {
		faults, err := l.loops.fetcher.Fetch(ctx, runs, maxWait)
		for i, fault := range faults {
			r.faults[l.sessions[i]] = fault
		}
		if errors.Is(err, fetch.ErrLeaders) { // each worker finds its partition's own
			for _, s := range l.sessions {
				r.faults[s] = err
			}
			return nil
		}
		return err
	})
}

func messagesIn(runs []*fetch.Run) (n int) {
	for _, r := range runs {
		n += len(r.Messages)
	}
	return n
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
func (l *brokerLoop) setPace(messages int, since time.Duration, more bool) {
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

// belongsElsewhere is whether a partition belongs in the other loop of its broker: it is
// behind by more than the next round takes, or it has caught up.
func (l *brokerLoop) belongsElsewhere(r *fetch.Run) bool {
	if l.backlog {
		return !r.Behind()
	}
	return r.Remaining() > int64(l.engine.config.BatchMessages)
}

// fill puts into the round what was fetched, and drops the sessions that it could not be
// fetched for, and those that go on in the other loop. The next request asks first for the
// partitions that came last in this one, since a broker serves them in the order asked until
// the answer is full; under backlog see takeTurns.
func (l *brokerLoop) fill(r *round, runs []*fetch.Run, begin, emptyAt time.Time) {
	served := 0
	for i, s := range l.sessions {
		b := s.newBatch(runs[i])
		if r.faults[s] != nil {
			continue // what came before the fault is dropped: the next session fetches it again
		}
		if l.belongsElsewhere(runs[i]) {
			r.moves = append(r.moves, s)
		}
		switch {
		case b.To > b.From: // its lag is told when it is applied
			r.parts = append(r.parts, part{session: s, batch: b})
			s.next, s.served, s.lastMessage, s.lastIdle = b.To, l.fetches, begin, time.Time{}
			if served = i + 1; i > 0 && runs[i].Behind() {
				served = i // it came last, and goes on first
			}
			continue
		case !l.backlog && !runs[i].Behind() && begin.Sub(s.lastMessage) >= maxWait && begin.Sub(s.lastIdle) >= idleEvery:
			r.idle[s], s.lastIdle = emptyAt, begin
		}
		if !runs[i].LeftOut {
			l.engine.metrics.setLag(b)
		}
	}
	l.sessions = slices.DeleteFunc(slices.Concat(l.sessions[served:], l.sessions[:served]), func(s *session) bool {
		return r.faults[s] != nil || slices.Contains(r.moves, s)
	})
}
