package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

// renewalsDefaults suit transactions. In one of 3,000 applications Postgres finds the
// residents with fewer descents, since sorted keys share pages, and makes the 1,000 slots
// of a COPY once: it takes 20.6 µs an application instead of 25.6 with 1,000, and 4,500
// or 6,000 gain nothing more (`tajdeed bench --only renewals`). Three
// at once keep two cores busy, since one may be in Postgres while another announces.
// The age is well below the 50 ms in which an applicant is to be answered; at 1,000 a second 99 of 100 are in 48 ms with an age of
// 10 ms, in 59 with 15 and in 76 with 5, which takes the cores for small transactions.
var renewalsDefaults = consumers.Config{
	Group: renewals.Group, BatchMessages: 3000, BatchAge: 10 * time.Millisecond,
	Concurrency: 3, SessionTimeout: 10 * time.Second,
}

func renewalsCommand() *cli.Command {
	return &cli.Command{
		Name:     "renewals",
		Category: categoryStages,
		Usage:    "decide applications and apply them to the record",
		Description: `Reads the topic of submissions, decides each application by the policy of its
day, writes what follows to Postgres, a batch to a transaction, and announces every
decision. Run as many as there are partitions, at most; they share the work.

SIGTERM and Ctrl-C let the batches in flight end. Ready means: in the group, and
polling every partition that it was given.`,
		Flags:  slices.Concat(brokerFlags(), []cli.Flag{postgresFlag(), listenFlag(portRenewals), waitFlag(), clockFlag()}, engineFlags(renewalsDefaults)),
		Before: noArguments,
		Action: runRenewals,
	}
}

func runRenewals(ctx context.Context, c *cli.Command) error {
	record := postgresConfig(c)
	record.ByKey = true
	db, err := patiently(ctx, c, "Postgres", func(ctx context.Context) (*pgxpool.Pool, error) {
		return postgres.Open(ctx, record)
	})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := checkTopics(ctx, c); err != nil {
		return err
	}
	registry := newRegistry()
	publisher, err := producers.NewPublisher(publisherConfig(c), slog.Default(), registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	clock := wallClockOf(c)
	engine, err := newRenewalsAt(clock.now, engineConfig(c, topics(c).Submissions), topics(c), db, clock.publisher(publisher), registry)
	if err != nil {
		return err
	}
	return process{listen: c.String("listen"), registry: registry, ready: engine.Ready, run: engine.Run}.serve(ctx)
}

// newRenewals puts the stage together.
func newRenewals(config consumers.Config, topics schema.Topics, db *pgxpool.Pool, publisher consumers.Publisher, registry prometheus.Registerer) (*consumers.Engine, error) {
	return newRenewalsAt(time.Now, config, topics, db, publisher, registry)
}

func newRenewalsAt(now func() time.Time, config consumers.Config, topics schema.Topics, db *pgxpool.Pool, publisher consumers.Publisher, registry prometheus.Registerer) (*consumers.Engine, error) {
	stage := renewals.New(config.Topic, registry).WithClock(now)
	ledger := consumers.NewLedger(config.Topic, topics, stage, db, publisher)
	return consumers.New(renewals.Name, config, ledger, slog.Default(), registry)
}
