package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v3"

	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
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
		Flags: slices.Concat(brokerFlags(), []cli.Flag{
			postgresFlag(), clickhouseFlag(),
			&cli.IntFlag{Name: "partitions", Usage: "`NUMBER` of partitions of a new topic: the most workers that can share a stage", Value: schema.DefaultPartitions, Sources: env("partitions"), Category: flagsStores},
			&cli.IntFlag{Name: "replication", Usage: "`NUMBER` of replicas of a new topic; 3 where there are three brokers", Value: 1, Sources: env("replication"), Category: flagsStores},
		}),
		Before: beforeMigrate,
		Action: func(ctx context.Context, c *cli.Command) error {
			topics := kafka.Config{
				Brokers: c.StringSlice("brokers"), Topics: topics(c),
				Partitions: c.Int("partitions"), Replication: c.Int("replication"),
			}
			return migrate(ctx, postgresConfig(c), clickhouseConfig(c), topics, c.Root().Writer)
		},
	}
}

// beforeMigrate refuses what would be taken for the default.
func beforeMigrate(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Int("partitions") < 1 || c.Int("replication") < 1 {
		return ctx, usageError(c, errors.New("--partitions and --replication: at least 1"))
	}
	return noArguments(ctx, c)
}

// migrate brings all three stores up to date and says what it did.
func migrate(ctx context.Context, record postgres.Config, analysts clickhouse.Config, topics kafka.Config, out io.Writer) error {
	db, err := postgres.Connect(ctx, record)
	if err != nil {
		return err
	}
	defer db.Close()
	applied, err := postgres.Migrate(ctx, db)
	if err != nil {
		return err
	}
	report(out, "Postgres", applied)
	if applied, err = clickhouse.Migrate(ctx, analysts); err != nil {
		return err
	}
	report(out, "ClickHouse", applied)
	created, err := kafka.Create(ctx, topics)
	if err != nil {
		return err
	}
	report(out, "Kafka", created)
	return nil
}

func report(out io.Writer, store string, done []string) {
	if len(done) == 0 {
		fmt.Fprintf(out, "%-11s up to date\n", store)
	}
	for _, what := range done {
		fmt.Fprintf(out, "%-11s %s\n", store, what)
	}
}
