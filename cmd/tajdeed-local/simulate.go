package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/process"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// flagsSimulation is the heading of what is simulated.
const flagsSimulation = "What is simulated"

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:     "simulate",
		Category: categoryFeed,
		Usage:    "publish a simulated population's applications",
		Description: `Makes a population and publishes the applications of its years, each to the topic
of submissions of the channel that the person uses: most of them right, some wrong,
some sent twice, a few unreadable. The same --seed, --residents, --start and --channels
give the same people and the same messages.

The people live in another year, where only a simulation takes their times for
plausible. The record must know the population: write it as an extract, import that, then
publish.

   tajdeed migrate --simulated
   tajdeed-local simulate --extract DIR --extract-only
   tajdeed import DIR
   tajdeed-local simulate --rate 50

Published again, the same messages are resends. To go on where an earlier run
stopped, --skip what it said it had published.

SIGTERM and Ctrl-C end it. Ready means: the last request to the brokers worked.`,
		Flags:  slices.Concat(simulateFlags(), command.BrokerFlags(), []cli.Flag{command.PolicyFlag(), command.ListenFlag(command.PortSimulate), command.WaitFlag()}),
		Before: command.NoArguments,
		Action: runSimulate,
	}
}

func simulateFlags() []cli.Flag {
	return []cli.Flag{
		&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the population and its years", Value: simulate.DefaultSeed, Sources: command.Env("seed"), Category: flagsSimulation},
		&cli.IntFlag{Name: "residents", Usage: "`SIZE` of the population; each applies about once a year", Value: simulate.DefaultResidents, Sources: command.Env("residents"), Category: flagsSimulation},
		&cli.StringFlag{Name: "start", Usage: "first `DAY` of the simulation", DefaultText: "2025-12-01, before a change of rules", Sources: command.Env("start"), Category: flagsSimulation},
		&cli.StringSliceFlag{Name: "channels", Usage: "the people apply by these `CHANNELS`, with commas between", DefaultText: "the six that an installation begins with", Sources: command.Env("channels"), Category: flagsSimulation},
		&cli.Float64Flag{Name: "rate", Usage: "publish `N` messages a second; 0 is as fast as possible", Value: 50, Sources: command.Env("rate"), Category: flagsSimulation},
		&cli.Int64Flag{Name: "applications", Usage: "publish `N` messages and end; 0 is until stopped", Sources: command.Env("applications"), Category: flagsSimulation},
		&cli.Int64Flag{Name: "skip", Usage: "pass over the first `N` messages", Sources: command.Env("skip"), Category: flagsSimulation},
		&cli.StringFlag{Name: "extract", Usage: "write the population to `DIR` first, for `tajdeed import`", Sources: command.Env("extract"), Category: flagsSimulation},
		&cli.BoolFlag{Name: "extract-only", Usage: "end when the extract is written", Category: flagsSimulation},
		&cli.StringFlag{Name: "manifest", Usage: "write to `FILE`, at the end, what should come of the messages, skipped ones included", Sources: command.Env("manifest"), Category: flagsSimulation},
	}
}

// simulation is what the command was asked for.
type simulation struct {
	config       simulate.Config
	rate         float64
	total        int64
	skip         int64
	extract      string
	extractOnly  bool
	manifestFile string
}

func readSimulation(c *cli.Command, policies *policy.Set) (simulation, error) {
	s := simulation{
		config:       simulate.Config{Seed: c.Uint64("seed"), Residents: c.Int("residents"), Policies: policies, Record: c.String("manifest") != ""},
		rate:         c.Float64("rate"),
		total:        c.Int64("applications"),
		skip:         c.Int64("skip"),
		extract:      c.String("extract"),
		extractOnly:  c.Bool("extract-only"),
		manifestFile: c.String("manifest"),
	}
	for _, name := range c.StringSlice("channels") {
		s.config.Channels = append(s.config.Channels, schema.Channel(name)) // Validate checks the names
	}
	if len(s.config.Channels) == 0 {
		s.config.Channels = schema.DefaultChannels()
	}
	var err error
	if day := c.String("start"); day != "" {
		if s.config.Start, err = schema.ParseDate(day); err != nil {
			return s, fmt.Errorf("--start: %w", err)
		}
	}
	switch {
	case s.rate < 0 || s.total < 0 || s.skip < 0:
		return s, fmt.Errorf("--rate, --applications and --skip cannot be negative")
	case s.config.Residents == 0: // which the simulation would take for its default
		return s, fmt.Errorf("--residents cannot be 0")
	case s.extractOnly && s.extract == "":
		return s, fmt.Errorf("--extract-only needs --extract DIR")
	}
	return s, s.config.Validate()
}

func runSimulate(ctx context.Context, c *cli.Command) error {
	policies, err := command.Policies(c)
	if err != nil {
		return err
	}
	asked, err := readSimulation(c, policies)
	if err != nil {
		return command.UsageError(c, err)
	}
	population, err := simulate.New(asked.config)
	if err != nil {
		return err
	}
	if asked.extract != "" {
		if err := population.WriteExtract(asked.extract); err != nil {
			return err
		}
		fmt.Fprintf(c.Root().Writer, "the population is in %s\n", asked.extract)
	}
	if asked.extractOnly {
		return nil
	}
	if err := population.Skip(ctx, asked.skip); err != nil {
		return err
	}
	return asked.publish(ctx, c, population)
}

// publish publishes the stream as a process that operations can look at.
func (s simulation) publish(ctx context.Context, c *cli.Command, population *simulate.Simulation) error {
	if err := s.checkChannels(ctx, c); err != nil {
		return err
	}
	registry := process.NewRegistry()
	publisher, err := producers.NewPublisher(command.PublisherConfig(c), slog.Default(), registry)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	bar, published := command.ProgressOf(s.steps(), "publishing", false), int64(0)
	f := simulate.Feed{
		Simulation: population, Publisher: publisher, Topics: command.Topics(c),
		Rate: s.rate, Total: s.total,
		Published: func(n int) { published += int64(n); bar.Add(n) },
	}
	began := time.Now()
	run := process.Process{Listen: c.String("listen"), Registry: registry, Ready: publisher.Ready, Run: f.Run}.Serve(ctx)
	bar.Finish()
	fmt.Fprintf(c.Root().Writer, "published %d messages to %d channels in %s; go on with --skip %d\n",
		published, len(s.config.Channels), time.Since(began).Round(time.Millisecond), s.skip+published)
	if run != nil {
		return run
	}
	return s.writeManifest(context.WithoutCancel(ctx), s.skip+published)
}

// checkChannels refuses to publish where a channel of the population cannot be used.
func (s simulation) checkChannels(ctx context.Context, c *cli.Command) error {
	found, err := process.FindChannels(ctx, c.Duration("wait"), c.StringSlice("brokers"), command.Topics(c))
	if err != nil {
		return err
	}
	for _, channel := range s.config.Channels {
		switch fault := found.Faults[channel]; {
		case fault != nil:
			return fmt.Errorf("channel %s: %w", channel, fault)
		case !slices.Contains(found.Usable, channel):
			return fmt.Errorf("there is no channel %s: run `tajdeed channel add %s`, or name those that there are with --channels", channel, channel)
		}
	}
	return nil
}

// steps is how long the progress bar is; -1 where there is no end.
func (s simulation) steps() int64 {
	if s.total == 0 {
		return -1
	}
	return s.total
}

// writeManifest makes the stream again as far as it was published: a run that was
// stopped had made more.
func (s simulation) writeManifest(ctx context.Context, messages int64) error {
	if s.manifestFile == "" {
		return nil
	}
	again, err := simulate.New(s.config)
	if err != nil {
		return err
	}
	if err := again.Skip(ctx, messages); err != nil {
		return err
	}
	return again.Manifest().WriteFile(s.manifestFile)
}
