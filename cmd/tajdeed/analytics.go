package main

import (
	"context"
	"log/slog"
	"slices"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/producers"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
)

// analyticsDefaults suit ClickHouse, which wants few large blocks: a block costs it
// about 10 ms of CPU whatever it holds, and as much again to merge (BenchmarkInsert).
// The age is what analysts may wait, under a second with the rest of the way; where some
// 5,000 decisions come in a second it may be three of them. The bytes are those of about
// 7,000 decisions: a partition that is behind is a block then.
var analyticsDefaults = consumers.Config{
	Group: analytics.Group, BatchMessages: 8_000, BatchBytes: 5 << 20, BatchAge: 500 * time.Millisecond,
	Concurrency: 3, SessionTimeout: 10 * time.Second,
}

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
		}, engineFlags(analyticsDefaults)),
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
	if err := checkTopics(ctx, c); err != nil {
		return err
	}
	partitions, err := kafka.Check(ctx, c.StringSlice("brokers"), topics(c))
	if err != nil {
		return err
	}
	registry := newRegistry()
	publisher, err := producers.NewPublisher(publisherConfig(c), slog.Default(), registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	config := engineConfig(c, topics(c).Decisions)
	config.BatchBytes = analyticsDefaults.BatchBytes
	clock := wallClockOf(c)
	sink := analytics.New(topics(c), partitions, db, clock.publisher(publisher), pseudonym, registry).WithClock(clock.now)
	engine, err := consumers.New(analytics.Name, config, clock.handler(sink), slog.Default(), registry)
	if err != nil {
		return err
	}
	return process{listen: c.String("listen"), registry: registry, ready: engine.Ready, run: engine.Run}.serve(ctx)
}
