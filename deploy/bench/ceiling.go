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

// ceiling measures how long Postgres alone takes to write what renewals writes. The stage
// runs over the log once, which is not measured, and what each of its batches wrote is read
// back. Then the same rows go into another clone of the same register: in the same batches,
// as many at once, each in a transaction that copies its decisions and updates its
// residencies. There is no Kafka, no decoding, no reading and no deciding, and the engine's
// own two rows for each batch are not written. n is the number of decisions. The clock runs
// while the transactions do.
func (b *bench) ceiling(ctx context.Context, load workload) (run runResult, err error) {
	captured, want, err := b.capture(ctx, load)
	if err != nil {
		return run, err
	}
	in, err := b.fullInstallation(ctx, load)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	if err := in.checkpoint(ctx); err != nil {
		return run, err
	}
	watch := in.startClock(partTajdeed)
	if err := captured.replay(ctx, in.stagePool); err != nil {
		return run, err
	}
	if run, err = watch.stop(want.decisions); err != nil {
		return run, err
	}
	got, err := in.countTotals(ctx)
	if err == nil && got != want {
		err = fmt.Errorf("%w: the stage wrote %+v, the ceiling %+v", errIncomplete, want, got)
	}
	return run, err
}

// capture runs the stage once, on an installation of its own.
func (b *bench) capture(ctx context.Context, load workload) (captured capturedBatches, want totals, err error) {
	in, err := b.fullInstallation(ctx, load)
	if err != nil {
		return nil, want, err
	}
	defer func() { err = errors.Join(err, in.close(context.WithoutCancel(ctx))) }()
	if captured, err = in.captureBatches(ctx); err != nil {
		return nil, want, err
	}
	want, err = in.countTotals(ctx)
	return captured, want, err
}

// totals are what must be the same in two registers with the same content.
type totals struct{ applications, decisions, expiries int64 }

const selectTotals = `SELECT (SELECT count(*) FROM application), (SELECT count(*) FROM decision),
	(SELECT sum(expires_on - date '1970-01-01')::bigint FROM residency)`

func (in *installation) countTotals(ctx context.Context) (t totals, err error) {
	err = in.postgres.QueryRow(ctx, selectTotals).Scan(&t.applications, &t.decisions, &t.expiries)
	if err != nil {
		return t, fmt.Errorf("count what was written: %w", err)
	}
	return t, nil
}

// replay writes the batches again: each partition in its order, and as many transactions
// at once as a worker has.
func (c capturedBatches) replay(ctx context.Context, db *pgxpool.Pool) error {
	slots := make(chan struct{}, renewals.DefaultConfig().Concurrency)
	group, ctx := errgroup.WithContext(ctx)
	for _, batches := range c {
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

//go:embed update_residencies.sql
var updateResidencies string

func (b *capturedBatch) write(ctx context.Context, db *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		const statement = "COPY decision FROM STDIN (FORMAT binary)"
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(b.decisions), statement); err != nil {
			return fmt.Errorf("write again: %w", err)
		}
		if _, err := tx.Exec(ctx, updateResidencies, b.residents, b.expiries); err != nil {
			return fmt.Errorf("renew again: %w", err)
		}
		return nil
	})
}
