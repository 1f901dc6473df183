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
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/migrate"
	"tajdeed/schema/postgres"
)

func migrateCommand() *cli.Command {
	return &cli.Command{
		Name:     "migrate",
		Category: categorySetUp,
		Usage:    "bring the schemas up to date and create the topics",
		Description: `Applies the migrations that Postgres and ClickHouse lack and creates the topics
that do not exist, with their settings: two for each channel, and one for what cannot
be read. What is up to date is left alone, so it can be run at every deployment, before
the stages start: they refuse a schema that they don't know.

An installation that is a simulation says so in every answer, in its metrics and its
reports, and does not hold the time of a submission against the broker's: simulated
people live in another year. Only an empty one can become a simulation, and it stays one.`,
		Flags: slices.Concat(command.BrokerFlags(), []cli.Flag{
			postgresFlag(), clickhouseFlag(),
			&cli.StringSliceFlag{Name: "channels", Usage: "create the topics of these `CHANNELS`, with commas between", DefaultText: "where there is no channel yet: " + channelNames(schema.DefaultChannels()), Sources: command.Env("channels"), Category: command.FlagsStores},
			partitionsFlag(), replicationFlag(),
			&cli.BoolFlag{Name: "simulated", Usage: "make an empty installation a simulation", Sources: command.Env("simulated"), Category: command.FlagsStores},
		}),
		Before: beforeMigrate,
		Action: runMigrate,
	}
}

// beforeMigrate refuses what would be taken for the default.
func beforeMigrate(ctx context.Context, c *cli.Command) (context.Context, error) {
	if err := positiveTopics(c); err != nil {
		return ctx, command.UsageError(c, err)
	}
	if _, err := parseChannels(c.StringSlice("channels")); err != nil {
		return ctx, command.UsageError(c, fmt.Errorf("--channels: %w", err))
	}
	return command.NoArguments(ctx, c)
}

func runMigrate(ctx context.Context, c *cli.Command) error {
	channels, err := parseChannels(c.StringSlice("channels"))
	if err != nil {
		return err
	}
	err = migrate.Run(ctx, migrate.Config{
		Postgres: postgresConfig(c), ClickHouse: clickhouseConfig(c), Kafka: topicsConfig(c, channels),
		Simulated: c.Bool("simulated"),
	}, func(done migrate.Done) { report(c.Root().Writer, done) })
	if errors.Is(err, postgres.ErrNotEmpty) || errors.Is(err, clickhouse.ErrNotEmpty) {
		return cli.Exit(err, command.ExitRefused)
	}
	return err
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
