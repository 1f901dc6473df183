// Package bench measures an installation on this machine: how many applications a second it
// handles, how much processor time an application takes in each process, and how long
// applications wait. A ceiling (Postgres alone) and a naive loop stand beside it for
// comparison. Stages run as processes of their own, as in production. What came out is
// counted, and a figure whose count is wrong is an error.
//
// The commands `tajdeed-local bench` and `make bench` call it. It asserts nothing about
// time: missing a target is no error.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tajdeed/deploy/local"
)

// Config says what is measured.
type Config struct {
	// Servers says how the servers are started. Run sets its Progress.
	Servers local.Config
	// Only are the names of the figures to measure, or their beginnings up to a dash. None
	// means all.
	Only []string
	// Applications is how many messages a figure takes. Figures that take more by
	// themselves shrink in proportion.
	Applications int
	// Repeat is how often each figure is measured. The result has the median.
	Repeat int
	// Version is the program's, for the result.
	Version string
	// Progress, if it is set, is called at each step with the time since the start.
	Progress func(since time.Duration, step string)
}

// Validate says what is wrong with the configuration, after the name of the flag that sets
// it. It contacts nothing.
func (c Config) Validate() error {
	switch _, unknown := choose(allFigures(FullApplications), c.Only); {
	case unknown != "":
		return fmt.Errorf("only: there is no figure %q", unknown)
	case c.Applications < leastApplications:
		return fmt.Errorf("applications: at least %d", leastApplications)
	case c.Repeat < 1:
		return errors.New("repeat: at least 1")
	}
	return nil
}

// Run starts the servers, measures the chosen figures and stops the servers. Where a figure
// fails, it returns the error together with a result, which has the figures before it and
// names the missing ones.
func Run(ctx context.Context, c Config) (result Result, err error) {
	if err := c.Validate(); err != nil {
		return result, err
	}
	began := time.Now()
	say := func(step string) {
		if c.Progress != nil {
			c.Progress(time.Since(began), step)
		}
	}
	c.Servers.Progress = say
	err = local.With(ctx, c.Servers, func(servers *local.Servers) error {
		result, err = onServers(ctx, c, servers, say)
		return err
	})
	return result, err
}

// onServers measures on servers that answer, and drops what it created on them.
func onServers(ctx context.Context, c Config, servers *local.Servers, say func(string)) (result Result, err error) {
	b, err := openBench(ctx, servers, c.Repeat, say)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	if b.at.Broker != local.BrokerKafka {
		say("the broker is kfake, not Kafka: no figure here says anything about a real broker")
	}
	result = b.describe(c.Version)
	chosen, _ := choose(allFigures(c.Applications), c.Only)
	if err := b.measureAll(ctx, chosen, &result); err != nil {
		return result, fmt.Errorf("%w; the processes' logs are in %s", err, b.folder)
	}
	return result, os.RemoveAll(b.folder)
}

// measureAll measures figures in their order, until one fails.
func (b *bench) measureAll(ctx context.Context, figures []figure, result *Result) error {
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
func (b *bench) repeat(ctx context.Context, f figure) (measured Figure, err error) {
	defer func() { err = errors.Join(err, b.dropEnlarged(context.WithoutCancel(ctx))) }()
	if f.warm && !b.warm {
		b.say(f.name + ", once to warm the servers up")
		if _, err := f.measure(ctx, b); err != nil {
			return measured, err
		}
	}
	b.warm = true
	runs := make([]runResult, 0, b.repeats)
	for i := range b.repeats {
		b.say(fmt.Sprintf("%s, %d of %d", f.name, i+1, b.repeats))
		run, err := f.measure(ctx, b)
		if err != nil {
			return measured, err
		}
		runs = append(runs, run)
	}
	return newFigure(f.name, runs), nil
}
