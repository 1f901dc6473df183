package main

import (
	"context"
	"slices"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/process"
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
		Flags:  slices.Concat(command.BrokerFlags(), []cli.Flag{postgresFlag(), command.ListenFlag(command.PortRenewals), command.WaitFlag()}, engineFlags(renewals.DefaultConfig())),
		Before: command.NoArguments,
		Action: runRenewals,
	}
}

func runRenewals(ctx context.Context, c *cli.Command) error {
	config, err := stageConfig(c, renewals.DefaultConfig())
	if err != nil {
		return err
	}
	config.PostgresURL = c.String("postgres")
	return process.Renewals(ctx, config)
}
