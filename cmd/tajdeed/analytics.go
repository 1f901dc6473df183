package main

import (
	"context"
	"log/slog"
	"slices"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers/analytics"
	"tajdeed/producers"
	"tajdeed/schema/clickhouse"
)

func analyticsCommand() *cli.Command {
	return &cli.Command{
		Name:     "analytics",
		Category: categoryStages,
		Usage:    "carry decisions into ClickHouse, for analysts",
		Description: `Reads the topic of decisions and writes one wide row for each into ClickHouse, once,
however often it is published. No Civil ID leaves it: persons and sponsors are told
apart by a hash under the pseudonym key, which analysts must not have. Keep the key:
under another one the same person looks like a new one.`,
		Flags: slices.Concat(brokerFlags(), []cli.Flag{
			clickhouseFlag(),
			&cli.StringFlag{Name: "pseudonym-key", Usage: "`SECRET` of 16 characters or more that hides who is who", Sources: env("pseudonym-key"), Required: true, Category: flagsEngine},
			listenFlag(portAnalytics), waitFlag(), clockFlag(),
		}, engineFlags(analytics.DefaultConfig())),
		Before: noArguments,
		Action: runAnalytics,
	}
}

func runAnalytics(ctx context.Context, c *cli.Command) error {
	pseudonym, err := analytics.NewPseudonym([]byte(c.String("pseudonym-key")))
	if err != nil {
		return usageError(c, err)
	}
	db, err := patiently(ctx, c, "ClickHouse", func(ctx context.Context) (driver.Conn, error) {
		return clickhouse.Open(ctx, clickhouseConfig(c))
	})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	partitions, err := checkTopics(ctx, c)
	if err != nil {
		return err
	}
	registry := newRegistry()
	publisher, err := producers.NewPublisher(publisherConfig(c), slog.Default(), registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	clock, config := wallClockOf(c), engineConfig(c)
	config.BatchBytes, config.Now = analytics.DefaultConfig().BatchBytes, clock.now
	engine, err := analytics.NewEngine(config, topics(c), partitions, db, clock.publisher(publisher), pseudonym, slog.Default(), registry)
	if err != nil {
		return err
	}
	return process{listen: c.String("listen"), registry: registry, ready: engine.Ready, run: engine.Run}.serve(ctx)
}
