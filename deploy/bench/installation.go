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

// installation is what one run of one figure works on, and no run before it has touched: a
// database with a register in Postgres, a database in ClickHouse, topics for what is
// announced, and worker processes.
type installation struct {
	*bench
	log  *filledLog
	name string // of both databases; the names of the groups begin with it

	postgres   *pgxpool.Pool
	stagePool  *pgxpool.Pool // with the settings of the stage, for what this process writes
	clickhouse driver.Conn
	workers    *local.Workers
}

// newInstallation creates the databases and connects to them. The log's topics for what is
// announced are created anew if an earlier installation used them.
func (b *bench) newInstallation(ctx context.Context, l *filledLog, template string) (in *installation, err error) {
	in = &installation{bench: b, log: l}
	if in.name, err = b.clone(ctx, template); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, in.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := in.emptyTopics(ctx); err != nil {
		return in, err
	}
	if err := in.connect(ctx); err != nil {
		return in, err
	}
	return in, in.prepareWorkers()
}

func (in *installation) emptyTopics(ctx context.Context) error {
	if in.log.announced {
		if err := in.deleteTopics(ctx, append(in.log.answers(), in.log.topics.Quarantine())...); err != nil {
			return err
		}
	}
	in.log.announced = true
	return in.createTopics(ctx, in.log)
}

func (in *installation) connect(ctx context.Context) (err error) {
	config := postgres.Config{URL: inDatabase(in.at.Postgres, in.name), ApplicationName: clientID}
	rows := clickhouse.Config{URL: inDatabase(in.at.ClickHouse, in.name), ApplicationName: clientID}
	if err := in.bench.clickhouse.Exec(ctx, "CREATE DATABASE "+in.name); err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	if _, err := clickhouse.Migrate(ctx, rows); err != nil {
		return err
	}
	if in.postgres, err = postgres.Open(ctx, config); err != nil {
		return err
	}
	config.ByKey = true
	if in.stagePool, err = postgres.Open(ctx, config); err != nil {
		return err
	}
	if in.clickhouse, err = clickhouse.Open(ctx, rows); err != nil {
		return err
	}
	return clickhouse.Simulate(ctx, in.clickhouse)
}

// logs is the folder of the worker processes' logs.
func (in *installation) logs() string { return filepath.Join(in.folder, in.name) }

func (in *installation) prepareWorkers() error {
	if err := os.Mkdir(in.logs(), 0o755); err != nil {
		return fmt.Errorf("make the logs' folder: %w", err)
	}
	env, err := worker.Installation{
		Brokers: in.at.Brokers, Prefix: in.log.prefix,
		Groups:        map[string]string{renewals.Name: in.group(renewals.Name), analytics.Name: in.group(analytics.Name)},
		PostgresURL:   inDatabase(in.at.Postgres, in.name),
		ClickHouseURL: inDatabase(in.at.ClickHouse, in.name),
		PseudonymKey:  strings.Repeat("bench ", 4),
	}.Env()
	if err != nil {
		return err
	}
	in.workers = local.NewWorkers(local.WorkersConfig{Env: env, Logs: in.logs(), Logger: slog.Default()})
	return nil
}

// group is the consumer group of a stage's processes.
func (in *installation) group(stage string) string { return in.name + "." + stage }

// close stops the worker processes and drops the databases. The topics of the log that
// figures share stay for the next installation.
func (in *installation) close(ctx context.Context) error {
	var errs []error
	if in.workers != nil {
		errs = append(errs, in.workers.Close())
	}
	for _, pool := range []*pgxpool.Pool{in.postgres, in.stagePool} {
		if pool != nil {
			pool.Close()
		}
	}
	if in.clickhouse != nil {
		_ = in.clickhouse.Close()
	}
	errs = append(errs, in.dropPostgres(ctx, in.name), in.dropClickHouse(ctx, in.name))
	if in.log != in.bench.log {
		errs = append(errs, in.deleteTopics(ctx, in.log.names()...))
	}
	return errors.Join(errs...)
}

// checkpoint makes Postgres write what the preparations left in memory, so that it does
// not count in the figure.
func (in *installation) checkpoint(ctx context.Context) error {
	if _, err := in.bench.postgres.Exec(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// patience ends a run in which nothing moves for two minutes. It asks every 15 ms, so a
// figure may be that much too long.
var patience = local.Patience{Every: 15 * time.Millisecond, Still: 2 * time.Minute}
