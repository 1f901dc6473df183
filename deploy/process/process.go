// Package process runs a stage as a process of an installation. It connects to the stores
// that the stage needs and waits for those that do not answer yet, makes the stage, serves
// the pages for operations, and lets the batches in flight end when it is told to stop.
//
// The program of an installation calls it for each stage, and so do the worker processes
// that bench and chaos start: these measure and break what an installation runs.
package process

import (
	"context"
	"log/slog"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/policy"
	"tajdeed/schema/postgres"
)

// Config is a stage's process. Each stage reads the fields that it needs.
type Config struct {
	// Engine says how the stage works: its brokers, its group, its batches, and the clock
	// of the process. Its client ID is the name under which every store sees the process.
	Engine consumers.Config
	Topics schema.Topics

	// Policies are what is decided by; for renewals. Default those built into the program.
	Policies      *policy.Set
	PostgresURL   string // for renewals
	ClickHouseURL string // for analytics
	// Pseudonym replaces Civil IDs in ClickHouse; for analytics.
	Pseudonym *analytics.Pseudonym

	// Listen is the address of the pages for operations; there are none if it is "".
	Listen string
	// Wait is how long a store may fail to answer when the process starts. 0 means that the
	// first error is returned.
	Wait time.Duration
}

const (
	// SpareConns is how many connections a process has beside those of its batches: for
	// taking partitions over and for queries.
	SpareConns = 4
	// StatementTimeout is shorter than the time that a stage has to end its batches.
	StatementTimeout = 10 * time.Second
)

// RenewalsPostgres is how the stage renewals connects to Postgres.
func RenewalsPostgres(engine consumers.Config, url string) postgres.Config {
	return postgres.Config{
		URL: url, ApplicationName: engine.ClientID, ByKey: true,
		MaxConns: engine.Concurrency + SpareConns, StatementTimeout: StatementTimeout,
	}
}

// Renewals runs the stage renewals until ctx ends, and returns when its batches have ended.
func Renewals(ctx context.Context, c Config) error {
	db, err := patiently(ctx, c.Wait, "Postgres", func(ctx context.Context) (*pgxpool.Pool, error) {
		return postgres.Open(ctx, RenewalsPostgres(c.Engine, c.PostgresURL))
	})
	if err != nil {
		return err
	}
	defer db.Close()
	simulation, err := postgres.IsSimulation(ctx, db)
	if err != nil {
		return err
	}
	stage := renewals.Config{Topics: c.Topics, Policies: c.Policies, Simulation: simulation}
	return c.run(ctx, func(find *kafka.Finder, publisher *producers.Publisher, registry prometheus.Registerer) (*consumers.Engine, error) {
		return renewals.NewEngine(c.Engine, stage, find, db, publisher, slog.Default(), registry)
	})
}

// Analytics runs the stage analytics until ctx ends, and returns when its batches have
// ended.
func Analytics(ctx context.Context, c Config) error {
	rows := clickhouse.Config{URL: c.ClickHouseURL, ApplicationName: c.Engine.ClientID, MaxConns: c.Engine.Concurrency + SpareConns}
	db, err := patiently(ctx, c.Wait, "ClickHouse", func(ctx context.Context) (driver.Conn, error) {
		return clickhouse.Open(ctx, rows)
	})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	simulation, err := clickhouse.IsSimulation(ctx, db)
	if err != nil {
		return err
	}
	return c.run(ctx, func(find *kafka.Finder, publisher *producers.Publisher, registry prometheus.Registerer) (*consumers.Engine, error) {
		return analytics.NewEngine(c.Engine, analytics.Config{
			Topics: c.Topics, DB: db, Publisher: publisher, Pseudonym: c.Pseudonym, Simulation: simulation,
		}, find, slog.Default(), registry)
	})
}

// run looks for the channels, makes the publisher and the engine, and runs the process.
func (c Config) run(ctx context.Context, newEngine func(find *kafka.Finder, publisher *producers.Publisher, registry prometheus.Registerer) (*consumers.Engine, error)) error {
	if _, err := FindChannels(ctx, c.Wait, c.Engine.Brokers, c.Topics); err != nil {
		return err
	}
	p := Process{Listen: c.Listen, Registry: NewRegistry()}
	publisher, err := producers.NewPublisher(producers.Config{
		Brokers: c.Engine.Brokers, ClientID: c.Engine.ClientID, Now: c.Engine.Now,
	}, slog.Default(), p.Registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	engine, err := newEngine(kafka.NewFinder(c.Engine.Brokers, c.Topics, slog.Default()), publisher, p.Registry)
	if err != nil {
		return err
	}
	p.Ready, p.Run = engine.Ready, engine.Run
	return p.Serve(ctx)
}
