package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/consumers/analytics"
	"tajdeed/deploy/process"
)

func analyticsCommand() *cli.Command {
	return &cli.Command{
		Name:     "analytics",
		Category: categoryStages,
		Usage:    "carry decisions into ClickHouse, for analysts",
		Description: `Reads the channels' decisions topics and writes one wide row for each decision into
ClickHouse, once, however often it is published, and one for each message that could not
be read. No Civil ID leaves it: persons and sponsors are told
apart by a hash under the pseudonym key, which analysts must not have. Keep the key:
under another one the same person looks like a new one.`,
		Flags: slices.Concat(command.BrokerFlags(), []cli.Flag{
			clickhouseFlag(),
			&cli.StringFlag{Name: "pseudonym-key", Usage: "`SECRET` of 16 characters or more that hides who is who", Sources: command.Env("pseudonym-key"), Required: true, Category: flagsEngine},
			command.ListenFlag(command.PortAnalytics), command.WaitFlag(),
		}, engineFlags(analytics.DefaultConfig())),
		Before: command.NoArguments,
		Action: runAnalytics,
	}
}

func runAnalytics(ctx context.Context, c *cli.Command) error {
	pseudonym, err := analytics.NewPseudonym([]byte(c.String("pseudonym-key")))
	if err != nil {
		return command.UsageError(c, err)
	}
	config, err := stageConfig(c, analytics.DefaultConfig())
	if err != nil {
		return err
	}
	config.ClickHouseURL, config.Pseudonym = c.String("clickhouse"), pseudonym
	return process.Analytics(ctx, config)
}
