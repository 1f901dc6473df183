package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// world is what one run of one figure works on, and nothing before it has touched:
// a record with a register, an analysts' database, and topics for what is announced.
type world struct {
	*bench
	log  *benchLog
	name string // of both databases, and of what the groups are called

	record   *pgxpool.Pool
	stage    *pgxpool.Pool // the record, for what writes to it from this process
	analysts driver.Conn
	crew     *crew
}

// newWorld makes the databases and connects to them. The log's topics for what is
// announced are made anew if an earlier world used them.
func (b *bench) newWorld(ctx context.Context, l *benchLog, template string) (w *world, err error) {
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
	return w, w.prepareCrew()
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

func (w *world) prepareCrew() (err error) {
	logs := filepath.Join(w.folder, w.name)
	if err := os.Mkdir(logs, 0o755); err != nil {
		return fmt.Errorf("make the logs' folder: %w", err)
	}
	common := []string{"--brokers", strings.Join(w.at.Brokers, ","), "--topics", w.log.prefix, "--listen", ""}
	w.crew, err = newCrew(logs, map[string][]string{
		roleWorker: append([]string{"--postgres", inDatabase(w.at.Postgres, w.name), "--group", w.group(roleWorker)}, common...),
		roleSink: append([]string{
			"--clickhouse", inDatabase(w.at.ClickHouse, w.name), "--group", w.group(roleSink),
			"--pseudonym-key", strings.Repeat("bench ", 4),
		}, common...),
	})
	return err
}

// group is the consumer group of a role's processes.
func (w *world) group(role string) string { return w.name + "." + role }

// close removes the world. Its topics stay for the next one, or go with their log.
func (w *world) close(ctx context.Context) error {
	var errs []error
	if w.crew != nil {
		errs = append(errs, w.crew.close())
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

// benchPatience ends a run that stands still. What it waits for may be seen so much too
// late as it asks.
var benchPatience = patience{every: 15 * time.Millisecond, still: 2 * time.Minute}

// watchUntil asks until it is done; a figure that stands still is an error.
func watchUntil(ctx context.Context, what string, ask func() (figure int64, done bool, err error)) error {
	return benchPatience.await(ctx, what, ask)
}
