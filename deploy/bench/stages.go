package bench

import (
	"context"
	"errors"
	"fmt"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/schema"
)

// renewals measures the stage from a full topic. The clock starts when the gate opens,
// before which each worker stands with its partitions and has fetched nothing; it ends
// when every position is at its log's end and every decision lies on its topic.
func (b *bench) renewals(ctx context.Context, s setting) (run runResult, err error) {
	l, err := b.full(ctx, s.load)
	if err != nil {
		return run, err
	}
	template, err := b.grownTemplate(ctx, s)
	if err != nil {
		return run, err
	}
	w, err := b.newWorld(ctx, l, template)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	return w.gated(ctx, s.workers, func(context.Context) error { return nil }, func(watch *stopwatch) (runResult, error) {
		if err := w.awaitDecided(ctx); err != nil {
			return run, err
		}
		return watch.stop(l.messages)
	})
}

// gated starts workers, and what else is given, behind a gate, opens it, and measures.
func (w *world) gated(ctx context.Context, workers int, others func(context.Context) error, measure func(*stopwatch) (runResult, error)) (run runResult, err error) {
	g, err := w.shutGate(ctx)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, g.open(context.WithoutCancel(ctx))) }()
	if err := w.start(ctx, renewals.Name, workers); err != nil {
		return run, err
	}
	if err := others(ctx); err != nil {
		return run, err
	}
	if err := w.settleStores(ctx); err != nil {
		return run, err
	}
	if err := g.crowded(ctx, workers); err != nil {
		return run, err
	}
	watch := w.startClock("")
	if err := g.open(ctx); err != nil {
		return run, err
	}
	if run, err = measure(watch); err != nil {
		return run, err
	}
	return run, w.audit(ctx)
}

// analytics measures the sink from a full topic of decisions, which a worker has
// announced before. The clock starts when the sink's group has shared its partitions
// out, as is asked every few milliseconds: nothing is fetched before. It ends when
// ClickHouse counts as many rows as there are decisions.
func (b *bench) analytics(ctx context.Context, load workload) (run runResult, err error) {
	w, err := b.normalWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	if err := w.start(ctx, renewals.Name, 1); err != nil {
		return run, err
	}
	if err := w.awaitDecided(ctx); err != nil {
		return run, err
	}
	if _, err := w.workers.Stop(renewals.Name, 0); err != nil {
		return run, err
	}
	if err := w.settleStores(ctx); err != nil {
		return run, err
	}
	if err := w.start(ctx, analytics.Name, 1); err != nil {
		return run, err
	}
	watch := w.startClock("")
	if err := w.awaitRows(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(w.log.decisions); err != nil {
		return run, err
	}
	return run, errors.Join(w.audit(ctx), w.auditRows(ctx))
}

// normalWorld is a world on a full log, with the register of its population alone.
func (b *bench) normalWorld(ctx context.Context, load workload) (*world, error) {
	l, err := b.full(ctx, load)
	if err != nil {
		return nil, err
	}
	template, err := b.template(ctx, load)
	if err != nil {
		return nil, err
	}
	return b.newWorld(ctx, l, template)
}

// whole measures everything at once, from a full topic. The clock starts as for
// renewals, when the sink is in its group too, and ends as for analytics.
func (b *bench) whole(ctx context.Context, load workload) (run runResult, err error) {
	w, err := b.normalWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	sink := func(ctx context.Context) error { return w.start(ctx, analytics.Name, 1) }
	run, err = w.gated(ctx, 1, sink, func(watch *stopwatch) (runResult, error) {
		if err := w.awaitDecided(ctx); err != nil {
			return run, err
		}
		if err := w.awaitRows(ctx); err != nil {
			return run, err
		}
		return watch.stop(w.log.messages)
	})
	if err != nil {
		return run, err
	}
	return run, w.auditRows(ctx)
}

// emptyWorld is a world on a log of its own, on which nothing lies yet.
func (b *bench) emptyWorld(ctx context.Context, load workload) (*world, error) {
	template, err := b.template(ctx, load)
	if err != nil {
		return nil, err
	}
	l, err := b.newLog(ctx, load)
	if err != nil {
		return nil, err
	}
	return b.newWorld(ctx, l, template)
}

// wholePublishing is whole with the publisher, in this process, beside it. The stages
// wait at an empty topic; the clock starts when the publisher is told to begin, and
// the making of the messages is its work too.
func (b *bench) wholePublishing(ctx context.Context, load workload) (run runResult, err error) {
	w, err := b.emptyWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	simulation, err := load.simulation()
	if err != nil {
		return run, err
	}
	if err := w.openForWork(ctx); err != nil {
		return run, err
	}
	watch := w.startClock(partPublisher)
	if err := w.fill(ctx, w.log, simulation); err != nil {
		return run, err
	}
	if err := w.awaitDecided(ctx); err != nil {
		return run, err
	}
	if err := w.awaitRows(ctx); err != nil {
		return run, err
	}
	if run, err = watch.stop(w.log.messages); err != nil {
		return run, err
	}
	return run, errors.Join(w.audit(ctx), w.auditRows(ctx))
}

// openForWork starts both stages and waits until they have their partitions.
func (w *world) openForWork(ctx context.Context) error {
	for _, role := range []string{renewals.Name, analytics.Name} {
		if err := w.start(ctx, role, 1); err != nil {
			return err
		}
	}
	opened := func() (n int64, done bool, err error) {
		err = w.record.QueryRow(ctx, `SELECT count(*) FROM position`).Scan(&n)
		return n, n == schema.DefaultPartitions, err
	}
	if err := patience.Await(ctx, "the partitions to be taken over", opened); err != nil {
		return err
	}
	return w.settleStores(ctx)
}

// selectReached is how far the record has come. The log begins at 0.
const selectReached = `SELECT coalesce(sum(next_offset), 0)::bigint FROM position WHERE topic = $1`

// awaitDecided waits until everything is applied and announced.
func (w *world) awaitDecided(ctx context.Context) error {
	applied := func() (reached int64, done bool, err error) {
		err = w.record.QueryRow(ctx, selectReached, w.log.topics.Submissions).Scan(&reached)
		return reached, reached >= w.log.messages, err
	}
	if err := patience.Await(ctx, "the record", applied); err != nil {
		return err
	}
	return patience.Await(ctx, "the decisions topic", func() (int64, bool, error) {
		lies, err := w.lies(ctx, w.log.topics.Decisions)
		return lies, lies >= w.log.decisions, err
	})
}

// awaitRows waits until every decision can be queried in ClickHouse.
func (w *world) awaitRows(ctx context.Context) error {
	return patience.Await(ctx, "ClickHouse's rows", func() (int64, bool, error) {
		rows, err := w.rows(ctx)
		return rows, rows >= w.log.decisions, err
	})
}

func (w *world) rows(ctx context.Context) (int64, error) {
	var rows uint64
	if err := w.analysts.QueryRow(ctx, `SELECT count() FROM decision`).Scan(&rows); err != nil {
		return 0, fmt.Errorf("count the rows: %w", err)
	}
	return int64(rows), nil
}

var errIncomplete = errors.New("what came out is not what went in")

const countOutcomes = `SELECT (SELECT count(*) FROM decision), (SELECT count(*) FROM quarantined),
	(SELECT coalesce(sum(next_offset), 0)::bigint FROM position)`

// audit compares the record with the log: each message is decided or put aside.
func (w *world) audit(ctx context.Context) error {
	var decisions, quarantined, reached int64
	if err := w.record.QueryRow(ctx, countOutcomes).Scan(&decisions, &quarantined, &reached); err != nil {
		return fmt.Errorf("count what came out: %w", err)
	}
	l := w.log
	if decisions != l.decisions || decisions+quarantined != l.messages || reached != l.messages {
		return fmt.Errorf("%w: of %d messages, %d of which can be read, %d were decided, %d put aside and %d passed",
			errIncomplete, l.messages, l.decisions, decisions, quarantined, reached)
	}
	return nil
}

// auditRows compares ClickHouse with the log.
func (w *world) auditRows(ctx context.Context) error {
	rows, err := w.rows(ctx)
	if err == nil && rows != w.log.decisions {
		err = fmt.Errorf("%w: %d decisions, %d rows", errIncomplete, w.log.decisions, rows)
	}
	return err
}
