package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
	"tajdeed/schema/migrate"
)

func migrateCommand() *cli.Command {
	return &cli.Command{
		Name:     "migrate",
		Category: categorySetUp,
		Usage:    "bring the schemas up to date and create the topics",
		Description: `Applies the migrations that Postgres and ClickHouse lack and creates the topics
that do not exist, with their settings. What is up to date is left alone, so it can
be run at every deployment, before the stages start: they refuse a schema that they
don't know.`,
		Flags: slices.Concat(command.BrokerFlags(), []cli.Flag{
			postgresFlag(), clickhouseFlag(),
			&cli.IntFlag{Name: "partitions", Usage: "`NUMBER` of partitions of a new topic: the most workers that can share a stage", Value: schema.DefaultPartitions, Sources: command.Env("partitions"), Category: command.FlagsStores},
			&cli.IntFlag{Name: "replication", Usage: "`NUMBER` of replicas of a new topic; 3 where there are three brokers", Value: 1, Sources: command.Env("replication"), Category: command.FlagsStores},
		}),
		Before: beforeMigrate,
		Action: runMigrate,
	}
}

// beforeMigrate refuses what would be taken for the default.
func beforeMigrate(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Int("partitions") < 1 || c.Int("replication") < 1 {
		return ctx, command.UsageError(c, errors.New("--partitions and --replication: at least 1"))
	}
	return command.NoArguments(ctx, c)
}

func runMigrate(ctx context.Context, c *cli.Command) error {
	return migrate.Run(ctx, migrate.Config{
		Postgres: postgresConfig(c), ClickHouse: clickhouseConfig(c),
		Kafka: kafka.Config{
			Brokers: c.StringSlice("brokers"), Topics: command.Topics(c),
			Partitions: c.Int("partitions"), Replication: c.Int("replication"),
		},
	}, func(done migrate.Done) { report(c.Root().Writer, done) })
}

// report says what was done to a store.
func report(out io.Writer, done migrate.Done) {
	if len(done.Names) == 0 {
		fmt.Fprintf(out, "%-11s up to date\n", done.Store)
	}
	for _, name := range done.Names {
		fmt.Fprintf(out, "%-11s %s\n", done.Store, name)
	}
}
