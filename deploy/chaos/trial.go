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
)

// trial is one run of chaos: rounds on one installation.
type trial struct {
	*cluster
	plan       *schedule
	simulation *simulate.Simulation
	unrest     unrest
	truth      *truth
	found      Findings
	say        func(string)

	submissions, decisions, quarantine *topicReader
	announced                          *announced

	mu         sync.Mutex
	struck     map[faultKind]int
	caused     map[string]int // deaths of servers whose disk was full
	complaints []string       // what went wrong with a strike
	doubles    uint64         // the most rows that stood twice in ClickHouse at any moment
	filling    sync.Mutex
	rounds     int
}

// chaosResidents is few enough that a person applies again while the first
// application is still on its way.
const chaosResidents = 8000

// newTrial makes the population and starts the crew.
func newTrial(ctx context.Context, k *cluster, seed uint64, rate int, plan *schedule, say func(string)) (*trial, error) {
	simulation, err := simulate.New(simulate.Config{
		Seed: seed, Residents: chaosResidents, Duplicates: 0.05, Conflicts: 0.02, Unreadable: 0.02,
	})
	if err != nil {
		return nil, err
	}
	if err := k.populate(ctx, simulation); err != nil {
		return nil, err
	}
	t := &trial{
		cluster: k, plan: plan, simulation: simulation, truth: newTruth(chaosPartitions), say: say,
		found:       Findings{say: say},
		struck:      map[faultKind]int{},
		caused:      map[string]int{},
		submissions: newTopicReader(k.at.Brokers, k.topics.Submissions, chaosPartitions),
		decisions:   newTopicReader(k.at.Brokers, k.topics.Decisions, chaosPartitions),
		quarantine:  newTopicReader(k.at.Brokers, k.topics.Quarantine, chaosPartitions),
		announced:   newAnnounced(k.topics.Submissions, chaosPartitions),
	}
	t.unrest = unrest{simulation: simulation, publisher: k.publisher, topic: k.topics.Submissions, truth: t.truth, rate: rate}
	if k.noDisk != nil {
		say("no disk can be filled here: " + k.noDisk.Error())
	}
	return t, k.startWorkers()
}

// run runs rounds until the limit, or until one finds something.
func (t *trial) run(ctx context.Context, limits limits) error {
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { t.watchDoubles(watching) })
	defer watcher.Wait()
	defer stop()
	for t.found.none() && limits.more(t.rounds) {
		if err := t.round(ctx); err != nil {
			return fmt.Errorf("round %d: %w", t.rounds, err)
		}
	}
	if !t.found.none() {
		return nil
	}
	// A zombie may have written after the last comparison: nobody does after this.
	t.say("stopping workers and sinks, and comparing once more")
	if err := t.workers.Close(); err != nil {
		t.say(err.Error())
	}
	return t.compare(ctx)
}

// round strikes while messages are published, heals, drains and compares.
func (t *trial) round(ctx context.Context) error {
	t.rounds++
	faults := t.plan.round()
	t.say(fmt.Sprintf("round %d: %d faults", t.rounds, len(faults)))
	group, doing := errgroup.WithContext(ctx)
	taking, enough := context.WithTimeout(doing, strikingFor)
	defer enough()
	group.Go(func() error { return t.unrest.publish(taking, doing) })
	group.Go(func() error { return t.strikeAll(doing, faults) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := t.heal(ctx); err != nil {
		return err
	}
	if err := t.drain(ctx); err != nil {
		return err
	}
	if err := t.verify(ctx); err != nil {
		return err
	}
	return t.compare(ctx)
}

// heal waits until every server answers; the faults have ended by themselves.
func (t *trial) heal(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for _, name := range []string{serverPostgres, serverAnalysts, serverKafka} {
		if err := t.servers.Server(name).Ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

// compare reads everything that came out and compares it.
func (t *trial) compare(ctx context.Context) error {
	c := comparison{Findings: &t.found, truth: t.truth}
	err := errors.Join(
		t.submissions.read(ctx, t.truth.read),
		t.decisions.read(ctx, t.announced.decision),
		t.quarantine.read(ctx, t.announced.quarantined))
	if err != nil {
		return err
	}
	c.published()
	c.topics(t.announced)
	if err := errors.Join(c.record(ctx, t.cluster), c.register(ctx, t.cluster, t.simulation), c.books(ctx, t.cluster), c.analysts(ctx, t.cluster)); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if seen := int(t.doubles); seen > t.found.Doubled {
		c.notef(&c.Doubled, "doubled", "at some moment ClickHouse had %d rows twice", seen)
		c.Doubled = seen
	}
	t.say(fmt.Sprintf("round %d: %s", t.rounds, t.found.sentence(t.truth.lies)))
	return nil
}

func (f *Findings) sentence(messages int) string {
	return fmt.Sprintf("%s messages on the log: lost %d, doubled %d, misordered %d, wrong %d, unbalanced %d",
		text.Thousands(int64(messages)), f.Lost, f.Doubled, f.Misordered, f.Wrong, f.Unbalanced)
}
