package bench

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// fairnessRate is how many messages a second come by the channel that is measured.
const fairnessRate = 50

// fairness measures how long applications of one channel wait while many wait in another.
// When the start lock is released, the stage begins with the backlog of the first channel, and
// the second channel's applications begin to come at a steady rate. The figure's time and
// number are those of the backlog. The latency is that of the second channel's applications
// that were due while the backlog was not decided. The stage analytics does not run, so
// nothing becomes queryable.
func (b *bench) fairness(ctx context.Context, load workload) (run runResult, err error) {
	one := load
	one.channels, load.channels = 1, 2
	simulation, err := one.simulation()
	if err != nil {
		return run, err
	}
	in, err := b.emptyInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	if err := in.fill(ctx, in.log, simulation); err != nil {
		return run, err
	}
	backlog, by := in.log.messages, channels(load.channels)[1]
	trickle := fairnessRate * int64(latencySpan/time.Second)
	loop, err := in.schedule(simulation, min(trickle, load.n), fairnessRate, &by)
	if err != nil {
		return run, err
	}
	defer func() { _ = loop.publisher.Close() }()
	in.log.messages, in.log.decisions = in.log.messages+loop.messages, in.log.decisions+loop.readable
	return in.startTogether(ctx, 1, func(context.Context) error { return nil }, func(watch *stopwatch) (runResult, error) {
		group, ctx := errgroup.WithContext(ctx)
		loop.began = watch.began
		group.Go(func() error { return loop.run(ctx, loop.watchDecisions) })
		group.Go(func() (err error) {
			if err = in.awaitBacklog(ctx, backlog); err == nil {
				run, err = watch.stop(backlog)
			}
			return err
		})
		if err := group.Wait(); err != nil {
			return run, err
		}
		run.latency = loop.latency(warmUp(loop.messages, fairnessRate), run.took)
		return run, in.checkLog(ctx, in.log)
	})
}

// awaitBacklog waits until the messages of the first channel are decided.
func (in *installation) awaitBacklog(ctx context.Context, messages int64) error {
	const query = `SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = $1`
	return patience.Await(ctx, "the backlog", func() (reached int64, done bool, err error) {
		err = in.postgres.QueryRow(ctx, query, in.log.submissions()[0]).Scan(&reached)
		return reached, reached >= messages, err
	})
}
