package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"
	"golang.org/x/sync/errgroup"

	"tajdeed/deploy/local"
	"tajdeed/schema"
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

   tajdeed up                                  a steady 50 applications a second
   tajdeed up --rate 0                         as fast as it goes
   tajdeed up --once                           45,000, a tenth of a year, then the result
   tajdeed up --once --applications 450000     a year

With --once it ends when everything published is accounted for in Postgres and
ClickHouse, prints the result and exits 0, or 4 if the books don't balance. The same
seed gives the same people and messages; a second run on the same data folder goes
on where the first one stopped.

While it runs, other commands can look on: give them the addresses that it prints.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "once", Usage: "publish --applications, wait until all is accounted for, and end"},
			&cli.IntFlag{Name: "applications", Usage: "how `MANY` messages to publish with --once", Value: 45_000, Sources: env("applications")},
			&cli.FloatFlag{Name: "rate", Usage: "`MESSAGES` a second without --once; 0 is as fast as possible", Value: 50, Sources: env("rate")},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the population and its year", Value: defaultSeed, Sources: env("seed")},
			&cli.IntFlag{Name: "residents", Usage: "`SIZE` of the population; each applies about once a year", DefaultText: "50,000, or --applications if more", Sources: env("residents")},
			&cli.IntFlag{Name: "partitions", Usage: "`NUMBER` of partitions of the topics", Value: schema.DefaultPartitions, Sources: env("partitions")},
			&cli.BoolFlag{Name: "json", Usage: "print the result of --once as one JSON object, and nothing else"},
			listenFlag(portUp),
		}, serverFlags()),
		Before: beforeUp,
		Action: runUp,
	}
}

func beforeUp(ctx context.Context, c *cli.Command) (context.Context, error) {
	switch {
	case c.Args().Present():
		return noArguments(ctx, c)
	case c.Bool("json") && !c.Bool("once"):
		return ctx, usageError(c, errors.New("--json prints the result of --once"))
	case c.Int("applications") < 1:
		return ctx, usageError(c, errors.New("--applications: at least 1"))
	case c.Int("partitions") < 1:
		return ctx, usageError(c, errors.New("--partitions: at least 1"))
	case c.IsSet("residents") && c.Int("residents") < 1:
		return ctx, usageError(c, errors.New("--residents: at least 1"))
	case c.Float("rate") < 0:
		return ctx, usageError(c, errors.New("--rate: 0 or more"))
	}
	return ctx, nil
}

// runUp starts what is needed in its order and stops it in reverse.
func runUp(ctx context.Context, c *cli.Command) error {
	say := speaker(c)
	config := serverConfig(c)
	config.Progress = say
	servers, err := local.Start(ctx, config)
	if err != nil {
		return err
	}
	err = upOn(ctx, c, servers.Endpoints(), say)
	say("stopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if stopErr := servers.Stop(stopping); stopErr != nil {
		return errors.Join(err, stopErr)
	}
	return err
}

// speaker tells a waiting person what goes on; with --json nobody waits.
func speaker(c *cli.Command) func(string) {
	if c.Bool("json") {
		return func(string) {}
	}
	return func(step string) { fmt.Fprintln(c.Root().ErrWriter, "·", step) }
}

// upOn runs the stages on servers that answer.
func upOn(ctx context.Context, c *cli.Command, at local.Endpoints, say func(string)) error {
	interactive := !c.Bool("json") && isatty.IsTerminal(os.Stdout.Fd())
	if interactive {
		restore, err := logToFile(filepath.Join(at.Data, "log", "tajdeed.log"))
		if err != nil {
			return err
		}
		defer restore()
	}
	s, err := openSystem(ctx, c, at, say)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.populate(ctx, c, say); err != nil {
		return err
	}
	if c.Bool("once") {
		return s.once(ctx, c, say)
	}
	return s.forever(ctx, c, interactive)
}

// logToFile sends the log to a file while a terminal shows something else.
func logToFile(path string) (restore func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(file, nil)))
	return func() {
		slog.SetDefault(before)
		_ = file.Close()
	}, nil
}

// work runs the stages beside f, and ends them when f has ended.
func (s *system) work(ctx context.Context, listen string, f func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	group.Go(func() error {
		p := process{listen: listen, registry: s.registry, ready: s.ready, run: s.runStages}
		return p.serve(working)
	})
	group.Go(func() error {
		defer stop()
		return f(ctx)
	})
	return group.Wait()
}

// runStages runs both stages until ctx ends.
func (s *system) runStages(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.renewals.Run(ctx) })
	group.Go(func() error { return s.analytics.Run(ctx) })
	return group.Wait()
}

func (s *system) ready() error { return errors.Join(s.renewals.Ready(), s.analytics.Ready()) }

// once publishes a number of messages and waits until all are accounted for.
func (s *system) once(ctx context.Context, c *cli.Command, say func(string)) error {
	account, err := s.openAccount(ctx)
	if err != nil {
		return err
	}
	total := int64(c.Int("applications"))
	var result upResult
	err = s.work(ctx, "", func(ctx context.Context) error {
		begin := time.Now()
		if err := s.publish(ctx, c, total, 0); err != nil {
			return err
		}
		say("waiting until all of it can be queried")
		result, err = account.settle(ctx, s.published.Load(), begin)
		if err != nil {
			return err
		}
		return account.settleAnalysts(ctx)
	})
	if err != nil {
		return err
	}
	return s.printOnce(ctx, c, result)
}

// publish feeds the stages, with a progress bar where a person waits.
func (s *system) publish(ctx context.Context, c *cli.Command, total int64, rate float64) error {
	bar := progress(c, total, "publishing applications")
	f := feed{
		simulation: s.simulation, publisher: s.publisher, topic: s.topics.Submissions, rate: rate, total: total,
		published: func(n int) {
			s.published.Add(int64(n))
			bar.add(n)
		},
	}
	defer bar.finish()
	// What was published is remembered however it ended: another run goes on behind it.
	if err := errors.Join(f.run(ctx), s.remember()); err != nil {
		return err
	}
	return ctx.Err()
}

// printOnce prints the result and turns it into the exit code.
func (s *system) printOnce(ctx context.Context, c *cli.Command, result upResult) error {
	out := c.Root().Writer
	if c.Bool("json") {
		if err := result.writeJSON(out); err != nil {
			return err
		}
	} else if err := s.printReport(ctx, out, result); err != nil {
		return err
	}
	if !result.Balanced {
		return cli.Exit("the books don't balance: what was published is not what came out", exitUnbalanced)
	}
	return nil
}

// forever feeds the stages at a rate until ctx ends.
func (s *system) forever(ctx context.Context, c *cli.Command, interactive bool) error {
	err := s.work(context.WithoutCancel(ctx), c.String("listen"), func(working context.Context) error {
		feeding, stop := context.WithCancel(working)
		defer stop()
		context.AfterFunc(ctx, stop)
		group, feeding := errgroup.WithContext(feeding)
		f := feed{
			simulation: s.simulation, publisher: s.publisher, topic: s.topics.Submissions, rate: c.Float("rate"),
			published: func(n int) { s.published.Add(int64(n)) },
		}
		group.Go(func() error { return f.run(feeding) })
		group.Go(func() error {
			defer stop()
			if interactive {
				return s.watch(feeding)
			}
			return s.logSummaries(feeding)
		})
		return group.Wait()
	})
	return errors.Join(err, s.remember())
}
