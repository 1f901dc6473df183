package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// ceiling measures what the record alone takes to write what renewals writes. The stage
// runs over the log once, unmeasured, and what it executes is taken down; the statements
// that return no rows, which are those that write, are then executed on another clone of
// the same register: the same statements with the same parameters in the same
// transactions, as many at once. There is no Kafka, no decoding, no reading and no
// deciding, nor the engine's own two rows for each batch. n are the decisions. The clock
// runs while the transactions do.
func (b *bench) ceiling(ctx context.Context, load benchLoad) (run benchRun, err error) {
	recorded, want, err := b.recordOnce(ctx, load)
	if err != nil {
		return run, err
	}
	w, err := b.normalWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	if err := recorded.keepWrites(ctx, w.record); err != nil {
		return run, err
	}
	if err := w.settleStores(ctx); err != nil {
		return run, err
	}
	watch := w.startClock(partTajdeed)
	if err := recorded.replay(ctx, w.record); err != nil {
		return run, err
	}
	if run, err = watch.stop(want.decisions); err != nil {
		return run, err
	}
	got, err := w.written(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("%w: the stage wrote %+v, the ceiling %+v", errIncomplete, want, got)
	}
	return run, err
}

// recordOnce runs the stage on a world of its own.
func (b *bench) recordOnce(ctx context.Context, load benchLoad) (t *tape, want written, err error) {
	w, err := b.normalWorld(ctx, load)
	if err != nil {
		return nil, want, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	if t, err = w.tape(ctx); err != nil {
		return nil, want, err
	}
	want, err = w.written(ctx)
	return t, want, err
}

// written is what tells two records apart that should be the same.
type written struct{ applications, decisions, expiries int64 }

const selectWritten = `SELECT (SELECT count(*) FROM application), (SELECT count(*) FROM decision),
	(SELECT sum(expires_on - date '1970-01-01')::bigint FROM residency)`

func (w *world) written(ctx context.Context) (is written, err error) {
	err = w.record.QueryRow(ctx, selectWritten).Scan(&is.applications, &is.decisions, &is.expiries)
	if err != nil {
		return is, fmt.Errorf("count what was written: %w", err)
	}
	return is, nil
}

// keepWrites drops the statements that return rows, as the server knows them.
func (t *tape) keepWrites(ctx context.Context, db *pgxpool.Pool) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Release()
	returns := map[string]bool{}
	for _, transactions := range t.transactions {
		for i, executed := range transactions {
			transactions[i], err = executed.withoutReads(func(sql string) (bool, error) {
				if rows, known := returns[sql]; known {
					return rows, nil
				}
				described, err := conn.Conn().Prepare(ctx, "", sql)
				if err != nil {
					return false, fmt.Errorf("describe a statement: %w", err)
				}
				returns[sql] = len(described.Fields) > 0
				return returns[sql], nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (t tapedBatch) withoutReads(returnsRows func(sql string) (bool, error)) (writes tapedBatch, err error) {
	for _, trip := range t {
		var kept []tapedStatement
		for _, s := range trip {
			rows, err := returnsRows(s.sql)
			if err != nil {
				return nil, err
			}
			if !rows {
				kept = append(kept, s)
			}
		}
		if len(kept) > 0 {
			writes = append(writes, kept)
		}
	}
	return writes, nil
}

// replay executes what was taken down: each partition in its order, as many
// transactions at once as a worker has.
func (t *tape) replay(ctx context.Context, db *pgxpool.Pool) error {
	slots := make(chan struct{}, renewalsDefaults.Concurrency)
	group, ctx := errgroup.WithContext(ctx)
	for _, transactions := range t.transactions {
		group.Go(func() error {
			for _, executed := range transactions {
				slots <- struct{}{}
				err := executed.repeat(ctx, db)
				<-slots
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (t tapedBatch) repeat(ctx context.Context, db *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		for _, trip := range t {
			var queue pgx.Batch
			for _, s := range trip {
				queue.Queue(s.sql, s.args...)
			}
			if err := tx.SendBatch(ctx, &queue).Close(); err != nil {
				return fmt.Errorf("execute again: %w", err)
			}
		}
		return nil
	})
}
