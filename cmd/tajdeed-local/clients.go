package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/clients"
	"tajdeed/deploy/local"
)

func clientsCommand() *cli.Command {
	return &cli.Command{
		Name:     "clients",
		Category: categoryMeasure,
		Hidden:   true, // it needs the source of the examples: `make clients` calls it
		Usage:    "run the example channels in Java, JavaScript and Python against a whole installation",
		Description: `Fetches the Kafka libraries of the examples, starts servers of its own and both stages,
imports a register that knows a resident for each example, and runs all examples. It fails
if one of them does.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "examples", Usage: "the `DIR` with the examples", Value: "schema/examples"},
			&cli.StringFlag{Name: "data", Usage: "keep the servers' data and logs in `DIR`, which begins empty", Required: true},
			&cli.StringFlag{Name: "cache", Usage: "keep the servers' packages in `DIR`", DefaultText: "as `tajdeed-local servers`", Sources: command.Env("cache")},
		},
		Before: command.NoArguments,
		Action: runClients,
	}
}

func runClients(ctx context.Context, c *cli.Command) error {
	return clients.Run(ctx, clients.Config{
		Servers: local.Config{
			Data: c.String("data"), Cache: c.String("cache"), Fresh: true, Broker: local.BrokerKafka, Logger: slog.Default(),
			Progress: func(step string) { fmt.Fprintln(c.Root().ErrWriter, "·", step) },
		},
		Examples: c.String("examples"), Out: c.Root().Writer,
	})
}
