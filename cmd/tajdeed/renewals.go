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
		Description: `Reads the channels' topics of submissions, decides each application by the policy of its
day, writes what follows to Postgres, a batch to a transaction, and answers every
message on its channel's decisions topic. Run as many as there are partitions of all
channels, at most; they share the work. A channel that is added is seen within 30 seconds.

SIGTERM and Ctrl-C let the batches in flight end. Ready means: in the group, and
polling every partition that it was given.`,
		Flags:  slices.Concat(command.BrokerFlags(), []cli.Flag{postgresFlag(), command.PolicyFlag(), command.ListenFlag(command.PortRenewals), command.WaitFlag()}, engineFlags(renewals.DefaultConfig())),
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
	if config.Policies, err = command.Policies(c); err != nil {
		return err
	}
	return process.Renewals(ctx, config)
}
