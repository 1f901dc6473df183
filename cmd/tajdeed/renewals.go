package main

import (
	"context"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema/postgres"
)

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
		Flags:  slices.Concat(brokerFlags(), []cli.Flag{postgresFlag(), listenFlag(portRenewals), waitFlag(), clockFlag()}, engineFlags(renewals.DefaultConfig())),
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
	if _, err := checkTopics(ctx, c); err != nil {
		return err
	}
	registry := newRegistry()
	publisher, err := producers.NewPublisher(publisherConfig(c), slog.Default(), registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	clock := wallClockOf(c)
	config := engineConfig(c)
	config.Now = clock.now
	engine, err := renewals.NewEngine(config, topics(c), db, clock.publisher(publisher), slog.Default(), registry)
	if err != nil {
		return err
	}
	return process{listen: c.String("listen"), registry: registry, ready: engine.Ready, run: engine.Run}.serve(ctx)
}
