package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/dashboards/text"
	"tajdeed/producers/simulate"
)

const (
	// fairnessWaiting is how many messages of one channel wait.
	fairnessWaiting = 1_000_000
	// fairnessRate is how many messages a second another channel sends, and fairnessLongest
	// for how long it has some.
	fairnessRate    = 50
	fairnessLongest = 10 * time.Minute
)

// fairness measures how long the messages of one channel wait for their decisions while a
// worker works off another channel's backlog, from when each was due until its answer can be
// read. The channel sends at a rate from the moment at which the worker begins until all of
// the backlog is decided; only messages that were due in that time count, without a second's
// warm-up, but at most a quarter. n and the seconds are the backlog's.
func (b *bench) fairness(ctx context.Context, load workload) (run runResult, err error) {
	simulation, err := load.simulation()
	if err != nil {
		return run, err
	}
	in, err := b.backlogInstallation(ctx, load, simulation)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	// The messages after the backlog's are of the same people. In which order the two
	// channels are decided is nobody's concern here.
	trickle, err := in.schedule(simulation, fairnessRate*int64(fairnessLongest/time.Second), fairnessRate, in.log.submissions()[1])
	if err != nil {
		return run, err
	}
	defer func() { _ = trickle.publisher.Close() }()
	return in.startTogether(ctx, 1, func(context.Context) error { return nil }, func(watch *stopwatch) (runResult, error) {
		return trickle.besideBacklog(ctx, watch)
	})
}

// backlogInstallation is one on a log of its own, which has all channels and all messages on
// the first one's topic.
func (b *bench) backlogInstallation(ctx context.Context, load workload, simulation *simulate.Simulation) (*installation, error) {
	l, err := b.newLog(ctx, load)
	if err != nil {
		return nil, err
	}
	l.backlog = l.submissions()[0]
	b.say(fmt.Sprintf("publishing %s applications to one channel", text.Thousands(load.n)))
	if err := b.fill(ctx, l, simulation); err != nil {
		return nil, err
	}
	template, err := b.template(ctx, load)
	if err != nil {
		return nil, err
	}
	return b.newInstallation(ctx, l, template)
}

// besideBacklog sends until the backlog is worked off.
func (l *openLoop) besideBacklog(ctx context.Context, watch *stopwatch) (run runResult, err error) {
	in := l.installation
	waiting := in.log.messages
	l.began = watch.began
	group, working := errgroup.WithContext(ctx)
	sending, enough := context.WithCancel(working)
	defer enough()
	l.sendAll(working, sending, group)
	group.Go(func() error { return l.watchAnswers(working) })
	group.Go(func() (err error) {
		defer enough()
		if err := in.awaitReached(working, []string{in.log.backlog}, waiting); err != nil {
			return err
		}
		run, err = watch.stop(waiting)
		return err
	})
	if err := group.Wait(); err != nil {
		return run, err
	}
	run.latency = l.latency(min(latencyWarmUp, run.took/4), run.took)
	in.log.messages += l.sent.Load()
	in.log.decisions += l.readableOf(l.sent.Load())
	return run, in.awaitDecided(ctx)
}

// readableOf is how many of the first so many messages can be read, where one channel sends
// all.
func (l *openLoop) readableOf(sent int64) (n int64) {
	end := time.Duration(sent) * time.Second / fairnessRate
	for _, p := range l.partitions {
		for at, due := range p.due {
			if due < end && p.readable[at] {
				n++
			}
		}
	}
	return n
}
