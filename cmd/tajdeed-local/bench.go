package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/bench"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:     "bench",
		Category: categoryMeasure,
		Usage:    "measure all of it on this machine, beside a ceiling and a naive loop",
		Description: `Starts Postgres, ClickHouse and Kafka as children of this process and measures, each
on databases and topics of its own that are removed again:

   ceiling    the rows that renewals writes, written by the same statements alone: no
              Kafka, no decoding, no deciding
   naive      the loop that most teams write first: a transaction for each message
   renewals   from a full topic until all is applied, decided and announced
   analytics  from a full topic of decisions to ClickHouse
   whole      both at once, and again with the publisher beside them
   latency    at 100, 1,000 and 5,000 applications a second, from when each was due
   channels   renewals with all in one channel, and spread over six
   fairness   how long one channel's 50 a second wait while 1,000,000 of another are
              worked off
   growth     renewals with a larger register, more workers, unreadable messages, one
              large sponsor, and a backlog

Stages run as processes of their own, as in production. What came out is counted; a
figure whose count is wrong is an error, and ends the measuring: what was measured before
it is printed. Seconds depend on what else the machine does;
the processor time of each application, by process, does so least.

   tajdeed-local bench                                  everything; a quarter of an hour, and 20 GB of disk
   tajdeed-local bench --only whole,latency --repeat 3
   tajdeed-local bench --applications 2000              everything, small, in a minute or two

--only takes a figure's name or its beginning up to a dash: growth, growth-workers,
growth-workers-4. Missing a target is no error.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "only", Usage: "measure these `NAMES` only, with commas between"},
			&cli.IntFlag{Name: "applications", Usage: "how `MANY` messages a figure takes; what is larger by itself shrinks with it", Value: bench.FullApplications, Sources: command.Env("applications")},
			&cli.IntFlag{Name: "repeat", Usage: "measure each `TIMES`, and give the median, the least and the most", Value: 1},
			&cli.StringFlag{Name: "report", Usage: "write a report in Markdown to `FILE`", TakesFile: true},
			&cli.BoolFlag{Name: "json", Usage: "print the figures as one JSON object, and nothing else on standard output"},
		}, serverFlags()),
		Before: beforeBench,
		Action: runBench,
	}
}

func beforeBench(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Args().Present() {
		return command.NoArguments(ctx, c)
	}
	if err := benchConfig(c).Validate(); err != nil {
		return ctx, command.UsageError(c, fmt.Errorf("--%w", err))
	}
	return ctx, nil
}

func benchConfig(c *cli.Command) bench.Config {
	return bench.Config{
		Servers: serverConfig(c), Only: c.StringSlice("only"), Applications: c.Int("applications"),
		Repeat: c.Int("repeat"), Version: command.Version(),
		Progress: func(since time.Duration, step string) {
			fmt.Fprintf(c.Root().ErrWriter, "· %7.1fs %s\n", since.Seconds(), step)
		},
	}
}

// runBench measures what was chosen and prints it, also where a later figure failed.
func runBench(ctx context.Context, c *cli.Command) error {
	result, err := bench.Run(ctx, benchConfig(c))
	if len(result.Figures) > 0 {
		err = errors.Join(err, printBench(c, result))
	}
	return err
}

// printBench prints what was measured, and writes the report.
func printBench(c *cli.Command, result bench.Result) error {
	if path := c.String("report"); path != "" {
		report := result.Markdown(c.Root().Name+" "+strings.Join(os.Args[1:], " "), time.Now())
		if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if c.Bool("json") {
		return result.WriteJSON(c.Root().Writer)
	}
	_, err := io.WriteString(c.Root().Writer, result.Text())
	return err
}
