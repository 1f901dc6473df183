package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/dashboards/text"
)

func chaosCommand() *cli.Command {
	return &cli.Command{
		Name:     "chaos",
		Hidden:   true,
		Category: categoryTry,
		Usage:    "break an installation in every way there is, and see that nothing is lost or doubled",
		Description: `Starts servers of its own in a temporary folder, several workers and sinks as
processes behind proxies, publishes a simulated population's messages (more of them
sent again, in conflict or unreadable than usual), and strikes at moments that the
seed chooses. After each round it heals everything, waits until all is drained, and
compares what came out, row by row, with what the generator expects and with what
lies on the log.

It exits 0 if nothing was lost, doubled, misordered, wrong or out of balance; else 4,
and it keeps the folder. The same seed gives the same faults at the same moments, not
the same interleaving.

Faults: ` + kindNames(faultKinds) + `.

clock-step sets the wall clock of a worker or a sink wrong, by seconds up to two hours
ahead and forty days back. The disks that get full are those of the decisions' table,
of Postgres's write-ahead log and of Kafka's log; to have disks that can, chaos must be
root on Linux, and without them it says so and strikes with the rest.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rounds", Usage: "`NUMBER` of rounds", DefaultText: "3, or as many as fit into --minutes"},
			&cli.FloatFlag{Name: "minutes", Usage: "begin no round after so many `MINUTES`"},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the faults and the messages", Value: 1},
			&cli.StringSliceFlag{Name: "only", Usage: "strike with these `KINDS` only, with commas between"},
			&cli.IntFlag{Name: "rate", Usage: "`MESSAGES` a second, without the bursts", Value: 250},
			&cli.BoolFlag{Name: "plan", Usage: "print the faults of the rounds, and do nothing"},
			&cli.BoolFlag{Name: "keep", Usage: "keep the folder also when all is well"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as one JSON object, and nothing else on standard output"},
			&cli.StringFlag{Name: "cache", Usage: "keep the servers' packages in `DIR`", DefaultText: "as `tajdeed servers`", Sources: env("cache")},
		},
		Before: beforeChaos,
		Action: runChaos,
	}
}

const defaultRounds = 3

func beforeChaos(ctx context.Context, c *cli.Command) (context.Context, error) {
	_, err := parseKinds(c.StringSlice("only"))
	switch {
	case c.Args().Present():
		return noArguments(ctx, c)
	case err != nil:
		return ctx, usageError(c, fmt.Errorf("--only: %w", err))
	case c.Int("rounds") < 0 || c.Float("minutes") < 0 || c.Int("rate") < 1:
		return ctx, usageError(c, errors.New("--rounds, --minutes and --rate cannot be less than nothing"))
	}
	return ctx, nil
}

// chaosLimits say when to stop.
type chaosLimits struct {
	rounds int       // 0: until then
	until  time.Time // zero: after the rounds
}

func limitsOf(c *cli.Command) chaosLimits {
	l := chaosLimits{rounds: c.Int("rounds")}
	if m := c.Float("minutes"); m > 0 {
		l.until = time.Now().Add(time.Duration(m * float64(time.Minute)))
	} else if l.rounds == 0 {
		l.rounds = defaultRounds
	}
	return l
}

// more says whether another round is to begin after so many.
func (l chaosLimits) more(rounds int) bool {
	return (l.rounds == 0 || rounds < l.rounds) && (l.until.IsZero() || time.Now().Before(l.until))
}

func runChaos(ctx context.Context, c *cli.Command) error {
	kinds, err := parseKinds(c.StringSlice("only"))
	if err != nil {
		return err
	}
	limits, plan := limitsOf(c), newSchedule(c.Uint64("seed"), kinds)
	if c.Bool("plan") {
		printPlan(c, plan, limits)
		return nil
	}
	folder, err := chaosFolder()
	if err != nil {
		return err
	}
	result, err := inFolder(ctx, c, folder, plan, limits)
	if err == nil && result.OK && !c.Bool("keep") {
		return errors.Join(os.RemoveAll(folder), printChaos(c, result))
	}
	fmt.Fprintln(c.Root().ErrWriter, "· data and logs are kept in", folder)
	if err != nil {
		return err
	}
	if err := printChaos(c, result); err != nil || result.OK {
		return err
	}
	return cli.Exit("chaos found something", exitUnbalanced)
}

// chaosFolder can be reached by the user that Postgres runs as.
func chaosFolder() (string, error) {
	folder, err := os.MkdirTemp("", "tajdeed-chaos-*")
	if err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return "", fmt.Errorf("open the folder: %w", err)
	}
	return folder, nil
}

func printPlan(c *cli.Command, plan *schedule, limits chaosLimits) {
	for round := range max(limits.rounds, 1) {
		fmt.Fprintf(c.Root().Writer, "round %d\n", round+1)
		for _, f := range plan.round() {
			fmt.Fprintln(c.Root().Writer, f)
		}
	}
}

// inFolder runs all rounds and stops what it started.
func inFolder(ctx context.Context, c *cli.Command, folder string, plan *schedule, limits chaosLimits) (result chaosResult, err error) {
	began := time.Now()
	say := func(step string) {
		fmt.Fprintf(c.Root().ErrWriter, "· %6.1fs %s\n", time.Since(began).Seconds(), step)
	}
	k, err := openCluster(ctx, folder, c.String("cache"), say)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, k.close(context.WithoutCancel(ctx))) }()
	t, err := newTrial(ctx, k, c.Uint64("seed"), c.Int("rate"), plan, say)
	if err != nil {
		return result, err
	}
	err = t.run(ctx, limits)
	result = t.result()
	result.Seconds = text.Rounded(time.Since(began).Seconds())
	if err != nil || !result.OK || c.Bool("keep") {
		result.Kept = folder
		k.keep = true
	}
	return result, err
}

// printChaos prints what was found.
func printChaos(c *cli.Command, r chaosResult) error {
	if !c.Bool("json") {
		return r.print(c.Root().Writer)
	}
	encoder := json.NewEncoder(c.Root().Writer)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
