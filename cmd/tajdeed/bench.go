package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/deploy/local"
)

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:     "bench",
		Category: categoryTry,
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
   growth     renewals with a larger register, more workers, unreadable messages, one
              large sponsor, and a backlog

Stages run as processes of their own, as in production. What came out is counted; a
figure whose count is wrong is an error, and ends the measuring: what was measured before
it is printed. Seconds depend on what else the machine does;
the processor time of each application, by process, does so least.

   tajdeed bench                                  everything; a quarter of an hour, and 20 GB of disk
   tajdeed bench --only whole,latency --repeat 3
   tajdeed bench --applications 2000              everything, small, in a minute or two

--only takes a figure's name or its beginning up to a dash: growth, growth-workers,
growth-workers-4. Missing a target is no error.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "only", Usage: "measure these `NAMES` only, with commas between"},
			&cli.IntFlag{Name: "applications", Usage: "how `MANY` messages a figure takes; what is larger by itself shrinks with it", Value: fullApplications, Sources: env("applications")},
			&cli.IntFlag{Name: "repeat", Usage: "measure each `TIMES`, and give the median, the least and the most", Value: 1},
			&cli.StringFlag{Name: "report", Usage: "write a report in Markdown to `FILE`", TakesFile: true},
			&cli.BoolFlag{Name: "json", Usage: "print the figures as one JSON object, and nothing else on standard output"},
		}, serverFlags()),
		Before: beforeBench,
		Action: runBench,
	}
}

func beforeBench(ctx context.Context, c *cli.Command) (context.Context, error) {
	_, unknown := choose(benchFigures(fullApplications), c.StringSlice("only"))
	switch {
	case c.Args().Present():
		return noArguments(ctx, c)
	case unknown != "":
		return ctx, usageError(c, fmt.Errorf("--only: there is no figure %q", unknown))
	case c.Int("applications") < leastApplications:
		return ctx, usageError(c, fmt.Errorf("--applications: at least %d", leastApplications))
	case c.Int("repeat") < 1:
		return ctx, usageError(c, errors.New("--repeat: at least 1"))
	}
	return ctx, nil
}

// runBench measures what was chosen and prints it.
func runBench(ctx context.Context, c *cli.Command) error {
	began := time.Now()
	say := func(step string) {
		fmt.Fprintf(c.Root().ErrWriter, "· %7.1fs %s\n", time.Since(began).Seconds(), step)
	}
	config := serverConfig(c)
	broker := brokerVersion{}
	config.Progress = func(step string) {
		broker.hear(step)
		say(step)
	}
	servers, err := local.Start(ctx, config)
	if err != nil {
		return err
	}
	result, err := benchOn(ctx, c, servers, say)
	result.Versions.Kafka = broker.version
	say("stopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err = errors.Join(err, servers.Stop(stopping))
	if len(result.Figures) > 0 { // also where a later one failed
		err = errors.Join(err, printBench(c, result))
	}
	return err
}

// benchOn measures on servers that answer, and clears up after itself.
func benchOn(ctx context.Context, c *cli.Command, servers *local.Servers, say func(string)) (result benchResult, err error) {
	b, err := openBench(ctx, servers, c.Int("repeat"), say)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	if b.at.Broker != local.BrokerKafka {
		say("the broker is kfake, not Kafka: no figure here says anything about a real broker")
	}
	if result, err = b.describe(ctx); err != nil {
		return result, err
	}
	chosen, _ := choose(benchFigures(c.Int("applications")), c.StringSlice("only"))
	if err := b.measureAll(ctx, chosen, &result); err != nil {
		return result, fmt.Errorf("%w; the processes' logs are in %s", err, b.folder)
	}
	return result, os.RemoveAll(b.folder)
}

// measureAll measures figures in their order, up to the first that fails.
func (b *bench) measureAll(ctx context.Context, figures []figure, result *benchResult) error {
	defer result.conclude()
	for i, f := range figures {
		measured, err := b.repeat(ctx, f)
		if err != nil {
			for _, missing := range figures[i:] {
				result.Missing = append(result.Missing, missing.name)
			}
			return fmt.Errorf("%s: %w", f.name, err)
		}
		b.say(measured.line())
		result.Figures = append(result.Figures, measured)
	}
	return nil
}

// repeat measures a figure as often as it was asked for.
func (b *bench) repeat(ctx context.Context, f figure) (measured benchFigure, err error) {
	defer func() { err = errors.Join(err, b.forget(context.WithoutCancel(ctx))) }()
	runs := make([]benchRun, 0, b.times)
	for i := range b.times {
		b.say(fmt.Sprintf("%s, %d of %d", f.name, i+1, b.times))
		run, err := f.measure(ctx, b)
		if err != nil {
			return measured, err
		}
		runs = append(runs, run)
	}
	return newFigure(f.name, runs), nil
}

// printBench prints what was measured, and writes the report.
func printBench(c *cli.Command, result benchResult) error {
	if path := c.String("report"); path != "" {
		report := result.markdown(strings.Join(os.Args[1:], " "), time.Now())
		if err := os.WriteFile(path, []byte(report), 0o644); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	if !c.Bool("json") {
		_, err := fmt.Fprint(c.Root().Writer, result.text())
		return err
	}
	encoder := json.NewEncoder(c.Root().Writer)
	encoder.SetIndent("", "  ")
	return encoder.Encode(result)
}
