package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/demo"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/postgres"
)

func upCommand() *cli.Command {
	return &cli.Command{
		Name:     "up",
		Category: categoryTry,
		Usage:    "run all of it on this machine, fed by a simulated population",
		Description: `Starts Postgres, ClickHouse and Kafka as children of this process, brings the
schemas up to date, imports a simulated population, and lets its applications flow
through all stages, with a live summary, until Ctrl-C. Nothing is installed; what is
fetched and written lies in two folders of yours.

   tajdeed-local up                                  a steady 50 applications a second
   tajdeed-local up --rate 0                         as fast as it goes
   tajdeed-local up --once                           45,000, a tenth of a year, then the result
   tajdeed-local up --once --applications 450000     a year

With --once it ends when everything published is accounted for in Postgres and
ClickHouse, prints the result and exits 0, or 4 if the books don't balance. The same
seed gives the same people and messages; a second run on the same data folder goes
on where the first one stopped.

While it runs, other commands can look on: give them the addresses that it prints.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "publish --applications, wait until all is accounted for, and end"},
			&cli.IntFlag{Name: "applications", Usage: "how `MANY` messages to publish with --once", Value: 45_000, Sources: command.Env("applications")},
			&cli.FloatFlag{Name: "rate", Usage: "`MESSAGES` a second without --once; 0 is as fast as possible", Value: 50, Sources: command.Env("rate")},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the population and its year", Value: simulate.DefaultSeed, Sources: command.Env("seed")},
			&cli.IntFlag{Name: "residents", Usage: "`SIZE` of the population; each applies about once a year", DefaultText: "50,000, or --applications if more", Sources: command.Env("residents")},
			&cli.IntFlag{Name: "partitions", Usage: "`NUMBER` of partitions of the topics", Value: schema.DefaultPartitions, Sources: command.Env("partitions")},
			&cli.BoolFlag{Name: "json", Usage: "print the result of --once as one JSON object, and nothing else"},
			command.PolicyFlag(),
			command.ListenFlag(command.PortUp),
		}, serverFlags()),
		Before: beforeUp,
		Action: runUp,
	}
}

func beforeUp(ctx context.Context, c *cli.Command) (context.Context, error) {
	switch {
	case c.Args().Present():
		return command.NoArguments(ctx, c)
	case c.Bool("json") && !c.Bool("once"):
		return ctx, command.UsageError(c, errors.New("--json prints the result of --once"))
	case c.Int("applications") < 1:
		return ctx, command.UsageError(c, errors.New("--applications: at least 1"))
	case c.Int("partitions") < 1:
		return ctx, command.UsageError(c, errors.New("--partitions: at least 1"))
	case c.IsSet("residents") && c.Int("residents") < 1:
		return ctx, command.UsageError(c, errors.New("--residents: at least 1"))
	case c.Float("rate") < 0:
		return ctx, command.UsageError(c, errors.New("--rate: 0 or more"))
	}
	return ctx, nil
}

func runUp(ctx context.Context, c *cli.Command) error {
	config, err := demoConfig(c)
	if err != nil {
		return err
	}
	if !c.Bool("once") {
		return wordUp(demo.Forever(ctx, config))
	}
	report, failed := demo.Once(ctx, config)
	if report == nil {
		return wordUp(failed)
	}
	if c.Bool("json") {
		err = report.Result.WriteJSON(c.Root().Writer)
	} else {
		_, err = io.WriteString(c.Root().Writer, report.Text())
	}
	if err = errors.Join(failed, err); err == nil && !report.Result.Balanced {
		err = cli.Exit("the books don't balance: what was published is not what came out", command.ExitUnbalanced)
	}
	return err
}

// demoConfig reads the flags. With --json nobody waits for progress.
func demoConfig(c *cli.Command) (config demo.Config, err error) {
	silent := c.Bool("json")
	config = demo.Config{
		Servers: serverConfig(c), Partitions: c.Int("partitions"),
		Residents: c.Int("residents"), Rate: c.Float("rate"), Listen: c.String("listen"),
		Terminal: !silent && isatty.IsTerminal(os.Stdout.Fd()),
		Bar: func(total int64, what string, bytes bool) (func(int), func()) {
			begin := command.ProgressOf
			if bytes {
				begin = command.ProgressOfBytes
			}
			bar := begin(total, what, silent)
			return bar.Add, bar.Finish
		},
	}
	if c.IsSet("seed") {
		seed := c.Uint64("seed")
		config.Seed = &seed
	}
	if c.Bool("once") {
		config.Applications = int64(c.Int("applications"))
	}
	if silent {
		config.Servers.Progress = func(string) {}
	}
	config.Policies, err = command.Policies(c)
	return config, err
}

// wordUp says by which flags an error can be mended.
func wordUp(err error) error {
	switch {
	case errors.Is(err, demo.ErrOtherPopulation):
		return fmt.Errorf("%w: go on with that one, begin anew with --fresh, or choose another folder with --data", err)
	case errors.Is(err, postgres.ErrNotEmpty): // also what an edition before this one left
		return fmt.Errorf("%w: this data folder holds an installation that is none; begin anew with --fresh, or choose another folder with --data", err)
	case errors.Is(err, simulate.ErrEnded):
		return fmt.Errorf("%w: begin anew with --fresh, with more --residents for a slower one", err)
	}
	return err
}
