package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/dashboards/text"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// experiment is one run of chaos: rounds of faults on one installation.
type experiment struct {
	*installation
	plan       *schedule
	simulation *simulate.Simulation
	load       load
	expected   *expected
	found      Findings
	say        func(string)

	submissions, decisions, quarantine *topicsReader
	announced                          *announced

	rounds  int
	stopped int              // partitions that garbage stopped
	added   []schema.Channel // while messages were published; guarded by mu
	filling sync.Mutex       // held by the fault that fills a disk

	mu         sync.Mutex
	struck     map[faultKind]int
	caused     map[string]int // deaths of servers whose disk was full
	complaints []string       // what went wrong with a strike
	doubles    uint64         // the most superfluous rows that ClickHouse had at any moment
}

// residents is few enough that a person applies again while the first application is still
// on its way.
const residents = 8000

// newExperiment makes the population and starts the worker processes.
func newExperiment(ctx context.Context, i *installation, seed uint64, rate int, plan *schedule, say func(string)) (*experiment, error) {
	simulation, err := simulate.New(simulate.Config{
		Seed: seed, Residents: residents, Duplicates: 0.05, Conflicts: 0.02, Reused: 0.02, Unreadable: 0.02, Channels: channels(),
	})
	if err != nil {
		return nil, err
	}
	if err := i.populate(ctx, simulation); err != nil {
		return nil, err
	}
	var submissions, decisions []string
	for _, c := range channels() {
		submissions, decisions = append(submissions, i.topics.Submissions(c)), append(decisions, i.topics.Decisions(c))
	}
	e := &experiment{
		installation: i, plan: plan, simulation: simulation, expected: newExpected(), say: say,
		found:       Findings{say: say},
		struck:      map[faultKind]int{},
		caused:      map[string]int{},
		submissions: newTopicsReader(i.at.Brokers, submissions...),
		decisions:   newTopicsReader(i.at.Brokers, decisions...),
		quarantine:  newTopicsReader(i.at.Brokers, i.topics.Quarantine()),
		announced:   newAnnounced(i.topics),
	}
	e.load = load{simulation: simulation, publisher: i.publisher, topics: i.topics, floods: flooding, expected: e.expected, rate: rate}
	if i.diskError != nil {
		say("no disk can be filled here: " + i.diskError.Error())
	}
	return e, i.startWorkers()
}

// run runs rounds until the limit, or until one finds something.
func (e *experiment) run(ctx context.Context, limits limits) error {
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { e.watchDoubles(watching) })
	defer watcher.Wait()
	defer stop()
	for e.found.none() && limits.more(e.rounds) {
		if err := e.round(ctx); err != nil {
			return fmt.Errorf("round %d: %w", e.rounds, err)
		}
	}
	if !e.found.none() {
		return nil
	}
	// A worker that lost its partitions may have written after the last comparison. After
	// this nobody writes.
	e.say("stopping the worker processes, and comparing once more")
	if err := e.workers.Close(); err != nil {
		e.say(err.Error())
	}
	return e.compare(ctx)
}

// round strikes while messages are published, waits until all of them are through, and
// compares.
func (e *experiment) round(ctx context.Context) error {
	e.rounds++
	if e.lenient.Load() {
		if err := e.restartRenewals(false); err != nil {
			e.complain(err)
		}
	}
	faults := e.plan.round()
	e.say(fmt.Sprintf("round %d: %d faults", e.rounds, len(faults)))
	group, doing := errgroup.WithContext(ctx)
	taking, enough := context.WithTimeout(doing, strikingFor)
	defer enough()
	e.load.begin(e.rounds, faults)
	group.Go(func() error { return e.load.publish(taking, doing) })
	group.Go(func() error { return e.strikeAll(doing, faults) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := e.awaitServers(ctx); err != nil {
		return err
	}
	if err := e.endGarbage(ctx); err != nil {
		return err
	}
	if err := e.drain(ctx); err != nil {
		return err
	}
	if err := e.verify(ctx); err != nil {
		return err
	}
	return e.compare(ctx)
}

// awaitServers waits until every server answers. The faults have ended by themselves.
func (e *experiment) awaitServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, name := range serverNames {
		if err := e.servers.Server(name).Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare reads everything that came out and compares it with what is expected.
func (e *experiment) compare(ctx context.Context) error {
	err := errors.Join(
		e.submissions.read(ctx, e.expected.addLogged),
		e.decisions.read(ctx, e.announced.addAnswer),
		e.quarantine.read(ctx, e.announced.addQuarantined))
	if err != nil {
		return err
	}
	c := comparison{Findings: &e.found, expected: e.expected}
	c.checkPublished()
	c.checkTopics(e.announced)
	err = errors.Join(
		c.checkPostgres(ctx, e.installation),
		c.checkRegister(ctx, e.installation, e.simulation),
		c.checkBalance(ctx, e.installation),
		c.checkClickHouse(ctx, e.installation))
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if seen := int(e.doubles); seen > e.found.Doubled {
		c.notef(&c.Doubled, "doubled", "at some moment ClickHouse had %d rows twice", seen)
		c.Doubled = seen
	}
	e.say(fmt.Sprintf("round %d: %s", e.rounds, e.found.sentence(e.expected.logged)))
	return nil
}

func (f *Findings) sentence(messages int) string {
	return fmt.Sprintf("%s messages on the log: lost %d, unanswered %d, held up %d, doubled %d, misordered %d, wrong %d, unbalanced %d",
		text.Thousands(int64(messages)), f.Lost, f.Unanswered, f.HeldUp, f.Doubled, f.Misordered, f.Wrong, f.Unbalanced)
}
