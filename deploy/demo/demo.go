// Package demo runs a whole installation on one machine, fed by a simulated population. It
// starts the servers, brings the schemas up to date, imports the population, runs both
// stages in this process, and counts what became of everything that it published. It is
// what a newcomer sees first.
//
// The commands `tajdeed-local up` and `make demo` call it. It is no model for production,
// where each stage is a process of its own and the servers are clusters.
package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/consumers/analytics"
	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/deploy/process"
	"tajdeed/producers/simulate"
	"tajdeed/schema/policy"
)

// Config is how a demo runs.
type Config struct {
	// Servers says how the servers are started. Its Progress, if it is set, is called at
	// each step of the demo too.
	Servers local.Config
	// Partitions is how many each topic has.
	Partitions int

	// Seed chooses the population and its year. Nil means the seed of the data folder's
	// population, or [simulate.DefaultSeed] if it has none.
	Seed *uint64
	// Residents is the size of the population; each applies about once a year. 0 means
	// the size of the data folder's population, or if it has none the larger of
	// [simulate.DefaultResidents] and Applications.
	Residents int
	// Applications is how many messages [Once] publishes.
	Applications int64
	// Rate is how many messages a second [Forever] publishes; 0 is as fast as possible.
	Rate float64

	// Policies are what is decided by. Default those built into the program.
	Policies *policy.Set

	// Listen is the address at which [Forever] serves the pages for operations; nowhere if
	// it is "".
	Listen string
	// Terminal says that a person looks on at a terminal: the log goes to a file of the data
	// folder, and [Forever] shows a live summary. Otherwise the summary is a line of the log
	// every ten seconds.
	Terminal bool
	// Bar begins a progress bar of so many steps, which are bytes or things, and returns
	// what advances it and what ends it. Nil shows none.
	Bar func(total int64, what string, bytes bool) (add func(n int), finish func())
}

// Once publishes a number of messages, waits until all are decided, announced and can be
// queried, and returns what became of them, also beside an error of what came after. A second
// run on the same data folder goes on where the first one stopped; if the folder has another
// population than the one that is asked for, the error is [ErrOtherPopulation].
func Once(ctx context.Context, c Config) (report *Report, err error) {
	err = c.onInstallation(ctx, func(i *installation) error {
		report, err = i.once(ctx, c)
		return err
	})
	return report, err
}

// Forever publishes messages at a rate until ctx ends or the person leaves the screen. The
// errors are as for [Once].
func Forever(ctx context.Context, c Config) error {
	return c.onInstallation(ctx, func(i *installation) error { return i.forever(ctx, c) })
}

// onInstallation starts the servers, opens the installation on them, populates it, calls do,
// and stops all of it.
func (c Config) onInstallation(ctx context.Context, do func(*installation) error) (err error) {
	if c.Policies == nil {
		if c.Policies, err = policy.Embedded(); err != nil {
			return err
		}
	}
	return local.With(ctx, c.Servers, func(servers *local.Servers) error {
		at := servers.Endpoints()
		if c.Terminal {
			restore, err := logToFile(filepath.Join(at.Data, "log", "tajdeed.log"))
			if err != nil {
				return err
			}
			defer restore()
		}
		i, err := openInstallation(ctx, c, at)
		if err != nil {
			return err
		}
		defer i.close()
		if err := i.populate(ctx, c); err != nil {
			return err
		}
		return do(i)
	})
}

func (c Config) say(step string) {
	if c.Servers.Progress != nil {
		c.Servers.Progress(step)
	}
}

func (c Config) bar(total int64, what string, bytes bool) (add func(n int), finish func()) {
	if c.Bar == nil {
		return func(int) {}, func() {}
	}
	return c.Bar(total, what, bytes)
}

// logToFile sends the log to a file while the terminal shows something else.
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

// work runs the stages while f runs, and stops them when f has returned.
func (i *installation) work(ctx context.Context, listen string, f func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	working, stop := context.WithCancel(ctx)
	group.Go(func() error {
		p := process.Process{Listen: listen, Registry: i.registry, Ready: i.ready, Run: i.runStages}
		return p.Serve(working)
	})
	group.Go(func() error {
		defer stop()
		return f(ctx)
	})
	return group.Wait()
}

// runStages runs both stages until ctx ends.
func (i *installation) runStages(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return i.renewals.Run(ctx) })
	group.Go(func() error { return i.analytics.Run(ctx) })
	return group.Wait()
}

func (i *installation) ready() error { return errors.Join(i.renewals.Ready(), i.analytics.Ready()) }

// once publishes, waits until every message is through, and verifies the books.
func (i *installation) once(ctx context.Context, c Config) (*Report, error) {
	tally, err := i.newTally(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{}
	err = i.work(ctx, "", func(ctx context.Context) error {
		begin := time.Now()
		if err := i.publish(ctx, c); err != nil {
			return err
		}
		c.say("waiting until all of it can be queried")
		if report.Result, err = tally.awaitAnswers(ctx, i.counted.byChannel, begin); err != nil {
			return err
		}
		return tally.awaitCompleteness(ctx)
	})
	if err != nil {
		return nil, err
	}
	c.say("verifying the books")
	books, err := i.verify(ctx)
	if err != nil {
		return nil, err
	}
	report.Books = books
	report.Result.setBalanced(books)
	report.Stats, err = i.askStats(ctx)
	if err != nil {
		return report, fmt.Errorf("ask for the statistics: %w", err)
	}
	return report, nil
}

// verify verifies the books of the whole installation, and compares persons too.
func (i *installation) verify(ctx context.Context) (*verify.Books, error) {
	return verify.Run(ctx, verify.Config{
		Brokers: i.at.Brokers, Topics: i.topics, AnalyticsGroup: analytics.Group,
		Postgres: i.postgres, ClickHouse: i.clickhouse, Pseudonym: i.pseudonym,
	})
}

// publish publishes the messages of [Once].
func (i *installation) publish(ctx context.Context, c Config) error {
	add, finish := c.bar(c.Applications, "publishing applications", false)
	defer finish()
	f := i.feed(func(n int) { add(n) })
	f.Total = c.Applications
	// The progress is written after an error too, so that the next run goes on after what
	// was published.
	if err := errors.Join(f.Run(ctx), i.writeProgress()); err != nil {
		return err
	}
	return ctx.Err()
}

// feed returns what publishes the population's messages and counts them.
func (i *installation) feed(published func(n int)) *simulate.Feed {
	return &simulate.Feed{
		Simulation: i.simulation, Publisher: i.counted, Topics: i.topics,
		Published: func(n int) {
			i.published.Add(int64(n))
			published(n)
		},
	}
}

// forever publishes messages at a rate until ctx ends.
func (i *installation) forever(ctx context.Context, c Config) error {
	err := i.work(context.WithoutCancel(ctx), c.Listen, func(working context.Context) error {
		feeding, stop := context.WithCancel(working)
		defer stop()
		context.AfterFunc(ctx, stop)
		group, feeding := errgroup.WithContext(feeding)
		f := i.feed(func(int) {})
		f.Rate = c.Rate
		group.Go(func() error { return f.Run(feeding) })
		group.Go(func() error {
			defer stop()
			if c.Terminal {
				return i.showScreen(feeding)
			}
			return i.logSummaries(feeding)
		})
		return group.Wait()
	})
	return errors.Join(err, i.writeProgress())
}
