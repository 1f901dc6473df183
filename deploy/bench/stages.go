package bench

import (
	"context"
	"errors"
	"fmt"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
)

// renewals measures the stage from full topics. The clock starts when the start lock is
// released: until then each worker has its partitions and has fetched nothing. It ends when
// every position is at the end of its partition and every answer lies on its topic.
func (b *bench) renewals(ctx context.Context, s setting) (run runResult, err error) {
	l, err := b.fullLog(ctx, s.load)
	if err != nil {
		return run, err
	}
	template, err := b.enlargedTemplate(ctx, s)
	if err != nil {
		return run, err
	}
	in, err := b.newInstallation(ctx, l, template)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	return in.startTogether(ctx, s.workers, func(context.Context) error { return nil }, func(watch *stopwatch) (runResult, error) {
		if err := in.awaitDecided(ctx); err != nil {
			return run, err
		}
		return watch.stop(l.messages)
	})
}

// startTogether starts workers, which wait for the start lock, and whatever alsoStart
// starts. It releases the lock and measures.
func (in *installation) startTogether(ctx context.Context, workers int, alsoStart func(context.Context) error, measure func(*stopwatch) (runResult, error)) (run runResult, err error) {
	lock, err := in.lockStart(ctx)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, lock.release(context.WithoutCancel(ctx))) }()
	if err := in.startWorkers(ctx, renewals.Name, workers); err != nil {
		return run, err
	}
	if err := alsoStart(ctx); err != nil {
		return run, err
	}
	if err := in.checkpoint(ctx); err != nil {
		return run, err
	}
	if err := lock.awaitWorkers(ctx, workers); err != nil {
		return run, err
	}
	watch := in.startClock("")
	if err := lock.release(ctx); err != nil {
		return run, err
	}
	if run, err = measure(watch); err != nil {
		return run, err
	}
	return run, in.checkPostgres(ctx)
}

// analytics measures the analytics stage from full topics of decisions, which a worker has
// announced before. The clock starts when the stage's group has assigned its partitions,
// which is asked every 15 ms: nothing is fetched before. It ends when ClickHouse counts as
// many rows as there are answers.
func (b *bench) analytics(ctx context.Context, load workload) (run runResult, err error) {
	in, err := b.fullInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	if err := in.startWorkers(ctx, renewals.Name, 1); err != nil {
		return run, err
	}
	if err := in.awaitDecided(ctx); err != nil {
		return run, err
	}
	if _, err := in.workers.Stop(renewals.Name, 0); err != nil {
		return run, err
	}
	if err := in.checkpoint(ctx); err != nil {
		return run, err
	}
	if err := in.startWorkers(ctx, analytics.Name, 1); err != nil {
		return run, err
	}
	watch := in.startClock("")
	if err := in.awaitRows(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(in.log.messages); err != nil {
		return run, err
	}
	return run, errors.Join(in.checkPostgres(ctx), in.checkClickHouse(ctx))
}

// fullInstallation is one on a full log, with the register of its population alone.
func (b *bench) fullInstallation(ctx context.Context, load workload) (*installation, error) {
	l, err := b.fullLog(ctx, load)
	if err != nil {
		return nil, err
	}
	template, err := b.template(ctx, load)
	if err != nil {
		return nil, err
	}
	return b.newInstallation(ctx, l, template)
}

// whole measures both stages at once, from a full topic. The clock starts as for renewals,
// when the analytics stage is in its group too, and ends as for analytics.
func (b *bench) whole(ctx context.Context, load workload) (run runResult, err error) {
	in, err := b.fullInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	startAnalytics := func(ctx context.Context) error { return in.startWorkers(ctx, analytics.Name, 1) }
	run, err = in.startTogether(ctx, 1, startAnalytics, func(watch *stopwatch) (runResult, error) {
		if err := in.awaitQueryable(ctx); err != nil {
			return run, err
		}
		return watch.stop(in.log.messages)
	})
	if err != nil {
		return run, err
	}
	return run, in.checkClickHouse(ctx)
}

// emptyInstallation is one on an empty log of its own.
func (b *bench) emptyInstallation(ctx context.Context, load workload) (*installation, error) {
	template, err := b.template(ctx, load)
	if err != nil {
		return nil, err
	}
	l, err := b.newLog(ctx, load)
	if err != nil {
		return nil, err
	}
	return b.newInstallation(ctx, l, template)
}

// wholePublishing is whole with the publisher beside it, in this process. The stages wait
// at an empty topic. The clock starts when the publisher begins, which also makes the
// messages.
func (b *bench) wholePublishing(ctx context.Context, load workload) (run runResult, err error) {
	in, err := b.emptyInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	simulation, err := load.simulation()
	if err != nil {
		return run, err
	}
	if err := in.startStages(ctx); err != nil {
		return run, err
	}
	watch := in.startClock(partPublisher)
	if err := in.fill(ctx, in.log, simulation); err != nil {
		return run, err
	}
	if err := in.awaitQueryable(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(in.log.messages); err != nil {
		return run, err
	}
	return run, errors.Join(in.checkPostgres(ctx), in.checkClickHouse(ctx))
}

// startStages starts a process of each stage and waits until they have their partitions.
func (in *installation) startStages(ctx context.Context) error {
	for _, stage := range []string{renewals.Name, analytics.Name} {
		if err := in.startWorkers(ctx, stage, 1); err != nil {
			return err
		}
	}
	taken := func() (n int64, done bool, err error) {
		err = in.postgres.QueryRow(ctx, `SELECT count(*) FROM position`).Scan(&n)
		return n, n == int64(in.log.partitions()), err
	}
	if err := patience.Await(ctx, "the partitions to be taken over", taken); err != nil {
		return err
	}
	return in.checkpoint(ctx)
}

// selectReached counts the messages that are applied. The log begins at offset 0.
const selectReached = `SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = ANY($1)`

// awaitApplied waits until every message is applied.
func (in *installation) awaitApplied(ctx context.Context) error {
	return in.awaitReached(ctx, in.log.submissions(), in.log.messages)
}

// awaitReached waits until so many messages of topics are applied.
func (in *installation) awaitReached(ctx context.Context, topics []string, messages int64) error {
	return patience.Await(ctx, "the record", func() (reached int64, done bool, err error) {
		err = in.postgres.QueryRow(ctx, selectReached, topics).Scan(&reached)
		return reached, reached >= messages, err
	})
}

// awaitDecided waits until every message is applied and answered on its decisions topic.
func (in *installation) awaitDecided(ctx context.Context) error {
	if err := in.awaitApplied(ctx); err != nil {
		return err
	}
	return in.awaitAnswered(ctx, in.log.answers(), in.log.messages)
}

// awaitAnswered waits until decisions topics hold so many answers.
func (in *installation) awaitAnswered(ctx context.Context, topics []string, messages int64) error {
	return patience.Await(ctx, "the decisions topics", func() (int64, bool, error) {
		n, err := in.countMessages(ctx, topics)
		return n, n >= messages, err
	})
}

// awaitQueryable waits until every message is answered and every answer can be queried.
func (in *installation) awaitQueryable(ctx context.Context) error {
	if err := in.awaitDecided(ctx); err != nil {
		return err
	}
	return in.awaitRows(ctx)
}

// awaitRows waits until every answer can be queried in ClickHouse.
func (in *installation) awaitRows(ctx context.Context) error {
	return patience.Await(ctx, "ClickHouse's rows", func() (int64, bool, error) {
		rows, err := in.countRows(ctx)
		return rows, rows >= in.log.messages, err
	})
}

// countRows counts the rows of answers. Each count is one that ClickHouse keeps: it is asked all
// the time, and its work would count in the figure.
func (in *installation) countRows(ctx context.Context) (int64, error) {
	var decided, unreadable uint64
	err := in.clickhouse.QueryRow(ctx, `SELECT count() FROM decision`).Scan(&decided)
	if err == nil && int64(decided) >= in.log.decisions {
		err = in.clickhouse.QueryRow(ctx, `SELECT count() FROM unreadable`).Scan(&unreadable)
	}
	if err != nil {
		return 0, fmt.Errorf("count the rows: %w", err)
	}
	return int64(decided + unreadable), nil
}

var errIncomplete = errors.New("what came out is not what went in")

const selectOutcomes = `SELECT (SELECT count(*) FROM decision), (SELECT count(*) FROM quarantined),
	(SELECT coalesce(sum(next_offset), 0)::bigint FROM position)`

// checkPostgres compares the record with the log: each message is decided or quarantined.
func (in *installation) checkPostgres(ctx context.Context) error {
	var decisions, quarantined, reached int64
	if err := in.postgres.QueryRow(ctx, selectOutcomes).Scan(&decisions, &quarantined, &reached); err != nil {
		return fmt.Errorf("count what came out: %w", err)
	}
	l := in.log
	if decisions != l.decisions || decisions+quarantined != l.messages || reached != l.messages {
		return fmt.Errorf("%w: of %d messages, %d of which can be read, %d were decided, %d quarantined and %d passed",
			errIncomplete, l.messages, l.decisions, decisions, quarantined, reached)
	}
	return nil
}

// checkClickHouse compares the rows of ClickHouse with the log.
func (in *installation) checkClickHouse(ctx context.Context) error {
	rows, err := in.countRows(ctx)
	if err == nil && rows != in.log.messages {
		err = fmt.Errorf("%w: %d messages, %d rows", errIncomplete, in.log.messages, rows)
	}
	return err
}
