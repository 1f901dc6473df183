package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards"
)

func metricsCommand() *cli.Command {
	return &cli.Command{
		Name:     "metrics",
		Category: command.CategoryAbout,
		Usage:    "print every metric with its type, labels and meaning, as Markdown",
		Description: `What the stages register, asked of themselves: it contacts nothing. The answer is
kept as dashboards/metrics.md.`,
		Before: command.NoArguments,
		Action: func(_ context.Context, c *cli.Command) error { return dashboards.WriteMetrics(c.Root().Writer) },
	}
}
