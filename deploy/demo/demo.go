// Package demo runs a whole installation on one machine, fed by a simulated population:
// it starts the servers, brings the schemas up to date, imports the population, and runs
// both stages in this process. It is what a newcomer sees first, and it accounts for all
// that it published.
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
)

// Config is how a demo runs.
type Config struct {
	// Servers are those that it starts. Progress is told there too.
	Servers local.Config
	// Partitions is how many each topic has.
	Partitions int

	// Seed chooses the population and its year. Nil is the one that the data folder
	// holds, or [DefaultSeed].
	Seed *uint64
	// Residents is the size of a new population; each applies about once a year. 0 is
	// the one that the data folder holds, or [DefaultResidents], or as many as
	// Applications if these are more.
	Residents int
	// Applications is how many messages [Once] publishes.
	Applications int64
	// Rate is how many messages a second [Forever] publishes; 0 is as fast as possible.
	Rate float64

	// Listen is where [Forever] serves the pages for operations; nowhere if it is empty.
	Listen string
	// Screen has [Forever] show a live summary on the terminal, and the log goes to a
	// file meanwhile. Otherwise the summary is a line of the log now and then.
	Screen bool
	// Bar begins a progress bar of so many steps, which are bytes or things, and returns
	// what goes on and what ends it. Nil shows none.
	Bar func(total int64, what string, bytes bool) (add func(n int), finish func())
}

// The population where none is asked for.
const (
	DefaultSeed      = 1
	DefaultResidents = 50_000
)

// Once publishes a number of messages, waits until all are decided, announced and can be
// queried, and returns what became of them. A second run on the same data folder goes on
// where the first one stopped. The report is for a person; see [Report].
func Once(ctx context.Context, c Config) (report *Report, err error) {
	err = c.onServers(ctx, func(at local.Endpoints) error {
		return c.onSystem(ctx, at, func(s *system) error {
			report, err = s.once(ctx, c)
			return err
		})
	})
	return report, err
}

// Forever publishes messages at a rate until ctx ends.
func Forever(ctx context.Context, c Config) error {
	return c.onServers(ctx, func(at local.Endpoints) error {
		if c.Screen {
			restore, err := logToFile(filepath.Join(at.Data, "log", "tajdeed.log"))
			if err != nil {
				return err
			}
			defer restore()
		}
		return c.onSystem(ctx, at, func(s *system) error { return s.forever(ctx, c) })
	})
}

// onServers does something while the servers run, and stops them.
func (c Config) onServers(ctx context.Context, do func(local.Endpoints) error) error {
	servers, err := local.Start(ctx, c.Servers)
	if err != nil {
		return err
	}
	err = do(servers.Endpoints())
	c.say("stopping")
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), local.StopWithin)
	defer cancel()
	return errors.Join(err, servers.Stop(stopping))
}

// onSystem does something with the stages and the population on servers that answer.
func (c Config) onSystem(ctx context.Context, at local.Endpoints, do func(*system) error) error {
	s, err := openSystem(ctx, c, at)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.populate(ctx, c); err != nil {
		return err
	}
	return do(s)
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
		p := process.Process{Listen: listen, Registry: s.registry, Ready: s.ready, Run: s.runStages}
		return p.Serve(working)
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

// once publishes, waits until all is through, and has the books verified.
func (s *system) once(ctx context.Context, c Config) (*Report, error) {
	account, err := s.openAccount(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{}
	err = s.work(ctx, "", func(ctx context.Context) error {
		begin := time.Now()
		if err := s.publish(ctx, c); err != nil {
			return err
		}
		c.say("waiting until all of it can be queried")
		if report.Result, err = account.settle(ctx, s.published.Load(), begin); err != nil {
			return err
		}
		return account.settleCompleteness(ctx)
	})
	if err != nil {
		return nil, err
	}
	c.say("verifying the books")
	books, err := s.verify(ctx)
	if err != nil {
		return nil, err
	}
	report.Books = books
	report.Result.judge(books)
	report.Stats, err = s.askStats(ctx)
	return report, err
}

// verify has the books of the whole installation verified, persons and all.
func (s *system) verify(ctx context.Context) (*verify.Books, error) {
	return verify.Run(ctx, verify.Config{
		Brokers: s.at.Brokers, Prefix: s.prefix, AnalyticsGroup: analytics.Group,
		Postgres: s.postgres, ClickHouse: s.clickhouse, Pseudonym: s.pseudonym,
	})
}

// publish feeds the stages with the messages of a run that ends.
func (s *system) publish(ctx context.Context, c Config) error {
	add, finish := c.bar(c.Applications, "publishing applications", false)
	defer finish()
	f := s.feed(func(n int) { add(n) })
	f.Total = c.Applications
	// What was published is written down however it ended: another run goes on behind it.
	if err := errors.Join(f.Run(ctx), s.writeProgress()); err != nil {
		return err
	}
	return ctx.Err()
}

// feed publishes the population's messages and counts them.
func (s *system) feed(published func(n int)) *simulate.Feed {
	return &simulate.Feed{
		Simulation: s.simulation, Publisher: s.publisher, Topic: s.topics.Submissions,
		Published: func(n int) {
			s.published.Add(int64(n))
			published(n)
		},
	}
}

// forever feeds the stages at a rate until ctx ends.
func (s *system) forever(ctx context.Context, c Config) error {
	err := s.work(context.WithoutCancel(ctx), c.Listen, func(working context.Context) error {
		feeding, stop := context.WithCancel(working)
		defer stop()
		context.AfterFunc(ctx, stop)
		group, feeding := errgroup.WithContext(feeding)
		f := s.feed(func(int) {})
		f.Rate = c.Rate
		group.Go(func() error { return f.Run(feeding) })
		group.Go(func() error {
			defer stop()
			if c.Screen {
				return s.watch(feeding)
			}
			return s.logSummaries(feeding)
		})
		return group.Wait()
	})
	return errors.Join(err, s.writeProgress())
}
