package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// world is what one run of one figure works on, and nothing before it has touched:
// a record with a register, an analysts' database, and topics for what is announced.
type world struct {
	*bench
	log  *filledLog
	name string // of both databases, and of what the groups are called

	record   *pgxpool.Pool
	stage    *pgxpool.Pool // the record, for what writes to it from this process
	analysts driver.Conn
	workers  *local.Workers
}

// newWorld makes the databases and connects to them. The log's topics for what is
// announced are made anew if an earlier world used them.
func (b *bench) newWorld(ctx context.Context, l *filledLog, template string) (w *world, err error) {
	w = &world{bench: b, log: l}
	if w.name, err = b.clone(ctx, template); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := w.emptyTopics(ctx); err != nil {
		return w, err
	}
	if err := w.connect(ctx); err != nil {
		return w, err
	}
	return w, w.prepareWorkers()
}

func (w *world) emptyTopics(ctx context.Context) error {
	if w.log.used {
		if err := w.deleteTopics(ctx, w.log.topics.Decisions, w.log.topics.Quarantine); err != nil {
			return err
		}
	}
	w.log.used = true
	return w.createTopics(ctx, w.log)
}

func (w *world) connect(ctx context.Context) (err error) {
	record := postgres.Config{URL: inDatabase(w.at.Postgres, w.name), ApplicationName: "tajdeed-bench"}
	analysts := clickhouse.Config{URL: inDatabase(w.at.ClickHouse, w.name), ApplicationName: "tajdeed-bench"}
	if err := w.bench.analysts.Exec(ctx, "CREATE DATABASE "+w.name); err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	if _, err := clickhouse.Migrate(ctx, analysts); err != nil {
		return err
	}
	if w.record, err = postgres.Open(ctx, record); err != nil {
		return err
	}
	record.ByKey = true
	if w.stage, err = postgres.Open(ctx, record); err != nil {
		return err
	}
	w.analysts, err = clickhouse.Open(ctx, analysts)
	return err
}

// logs is the folder of the worker processes' logs.
func (w *world) logs() string { return filepath.Join(w.folder, w.name) }

func (w *world) prepareWorkers() error {
	if err := os.Mkdir(w.logs(), 0o755); err != nil {
		return fmt.Errorf("make the logs' folder: %w", err)
	}
	env, err := worker.Installation{
		Brokers: w.at.Brokers, Prefix: w.log.prefix,
		Groups:        map[string]string{renewals.Name: w.group(renewals.Name), analytics.Name: w.group(analytics.Name)},
		PostgresURL:   inDatabase(w.at.Postgres, w.name),
		ClickHouseURL: inDatabase(w.at.ClickHouse, w.name),
		PseudonymKey:  strings.Repeat("bench ", 4),
	}.Env()
	if err != nil {
		return err
	}
	w.workers = local.NewWorkers(local.WorkersConfig{Env: env, Logs: w.logs(), Logger: slog.Default()})
	return nil
}

// group is the consumer group of a stage's processes.
func (w *world) group(stage string) string { return w.name + "." + stage }

// close removes the world. Its topics stay for the next one, or go with their log.
func (w *world) close(ctx context.Context) error {
	var errs []error
	if w.workers != nil {
		errs = append(errs, w.workers.Close())
	}
	for _, pool := range []*pgxpool.Pool{w.record, w.stage} {
		if pool != nil {
			pool.Close()
		}
	}
	if w.analysts != nil {
		_ = w.analysts.Close()
	}
	errs = append(errs, w.dropDatabase(ctx, w.name), w.dropAnalysts(ctx, w.name))
	if w.log != w.bench.log {
		errs = append(errs, w.deleteTopics(ctx, w.log.topics.Names()...))
	}
	return errors.Join(errs...)
}

// settleStores has the servers write down what the preparations left, so that no figure
// pays for it.
func (w *world) settleStores(ctx context.Context) error {
	if _, err := w.bench.record.Exec(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// patience ends a run that stands still. The end of what it waits for is seen up to 15 ms
// late, which counts in the figure.
var patience = local.Patience{Every: 15 * time.Millisecond, Still: 2 * time.Minute}
