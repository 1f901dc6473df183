package bench

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/renewals"
)

// ceiling measures what the record alone takes to write what renewals writes. The stage
// runs over the log once, unmeasured, and what each of its batches left is read again;
// then the same rows go into another clone of the same register, in the same batches, as
// many at once, each a transaction: a COPY of its decisions and an update of its
// residencies. There is no Kafka, no decoding, no reading and no deciding, nor the engine's
// own two rows for each batch. n are the decisions. The clock runs while the transactions
// do.
func (b *bench) ceiling(ctx context.Context, load workload) (run runResult, err error) {
	recorded, want, err := b.recordOnce(ctx, load)
	if err != nil {
		return run, err
	}
	w, err := b.normalWorld(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, w.close(context.WithoutCancel(ctx))) }()
	if err := w.settleStores(ctx); err != nil {
		return run, err
	}
	watch := w.startClock(partTajdeed)
	if err := recorded.replay(ctx, w.stage); err != nil {
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
func (b *bench) recordOnce(ctx context.Context, load workload) (t tape, want written, err error) {
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

// replay writes what was read: each partition in its order, as many
// transactions at once as a worker has.
func (t tape) replay(ctx context.Context, db *pgxpool.Pool) error {
	slots := make(chan struct{}, renewals.DefaultConfig().Concurrency)
	group, ctx := errgroup.WithContext(ctx)
	for _, batches := range t {
		group.Go(func() error {
			for _, batch := range batches {
				slots <- struct{}{}
				err := batch.write(ctx, db)
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

//go:embed renew.sql
var renewTaped string

func (b *tapedBatch) write(ctx context.Context, db *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		const statement = "COPY decision FROM STDIN (FORMAT binary)"
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(b.decisions), statement); err != nil {
			return fmt.Errorf("write again: %w", err)
		}
		if _, err := tx.Exec(ctx, renewTaped, b.residents, b.expiries); err != nil {
			return fmt.Errorf("renew again: %w", err)
		}
		return nil
	})
}
