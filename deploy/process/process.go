// Package process runs a stage as a process of an installation: it opens what the stage
// needs, patiently, puts the stage together, serves the pages that operations look at, and
// lets the batches in flight end when it is told to stop.
//
// The program of an installation calls it for each stage, and so do the worker processes
// that the bench and chaos start: what they measure and break is what an installation runs.
package process

import (
	"context"
	"log/slog"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// Config is a stage's process. Each stage reads the fields that it needs.
type Config struct {
	// Engine is how the stage works: its brokers, its group, its batches, and the clock
	// of the process. Its client ID is the name by which every store sees the process.
	Engine consumers.Config
	Topics schema.Topics

	PostgresURL   string // for renewals
	ClickHouseURL string // for analytics
	// Pseudonym hides in ClickHouse who is who; for analytics.
	Pseudonym *analytics.Pseudonym

	// Listen is where the pages for operations are served; nowhere if it is empty.
	Listen string
	// Wait is how long stores may fail to answer when the process starts.
	Wait time.Duration
}

const (
	// SpareConns are connections for what runs beside the batches: taking partitions over,
	// idling, asking.
	SpareConns = 4
	// StatementTimeout leaves a transaction less time than a stage has to drain.
	StatementTimeout = 10 * time.Second
)

// Renewals runs the stage renewals until ctx ends.
func Renewals(ctx context.Context, c Config) error {
	record := postgres.Config{
		URL: c.PostgresURL, ApplicationName: c.Engine.ClientID, ByKey: true,
		MaxConns: c.Engine.Concurrency + SpareConns, StatementTimeout: StatementTimeout,
	}
	db, err := patiently(ctx, c.Wait, "Postgres", func(ctx context.Context) (*pgxpool.Pool, error) {
		return postgres.Open(ctx, record)
	})
	if err != nil {
		return err
	}
	defer db.Close()
	return c.run(ctx, func(_ int, publisher *producers.Publisher, p *Process) (*consumers.Engine, error) {
		return renewals.NewEngine(c.Engine, c.Topics, db, publisher, slog.Default(), p.Registry)
	})
}

// Analytics runs the stage analytics until ctx ends.
func Analytics(ctx context.Context, c Config) error {
	rows := clickhouse.Config{URL: c.ClickHouseURL, ApplicationName: c.Engine.ClientID, MaxConns: c.Engine.Concurrency + SpareConns}
	db, err := patiently(ctx, c.Wait, "ClickHouse", func(ctx context.Context) (driver.Conn, error) {
		return clickhouse.Open(ctx, rows)
	})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return c.run(ctx, func(partitions int, publisher *producers.Publisher, p *Process) (*consumers.Engine, error) {
		return analytics.NewEngine(c.Engine, c.Topics, partitions, db, publisher, c.Pseudonym, slog.Default(), p.Registry)
	})
}

// run checks the topics, makes the publisher and the engine, and runs them.
func (c Config) run(ctx context.Context, wire func(partitions int, publisher *producers.Publisher, p *Process) (*consumers.Engine, error)) error {
	partitions, err := CheckTopics(ctx, c.Wait, c.Engine.Brokers, c.Topics)
	if err != nil {
		return err
	}
	p := Process{Listen: c.Listen, Registry: NewRegistry()}
	publisher, err := producers.NewPublisher(producers.Config{
		Brokers: c.Engine.Brokers, Topics: c.Topics.Names(), ClientID: c.Engine.ClientID, Now: c.Engine.Now,
	}, slog.Default(), p.Registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	engine, err := wire(partitions, publisher, &p)
	if err != nil {
		return err
	}
	p.Ready, p.Run = engine.Ready, engine.Run
	return p.Serve(ctx)
}
