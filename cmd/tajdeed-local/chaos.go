package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/deploy/chaos"
)

func chaosCommand() *cli.Command {
	return &cli.Command{
		Name:     "chaos",
		Category: categoryMeasure,
		Usage:    "break an installation in every way there is, and see that nothing is lost or doubled",
		Description: `Starts servers of its own in a temporary folder and several processes of both stages
behind proxies, publishes a simulated population's messages (more of them sent again, in
conflict or unreadable than usual), and strikes at moments that the seed chooses. After
each round it waits until every server answers and everything is processed, and compares
what came out, row by row, with what the simulation expects and with the topics.

One of the six channels floods: it sends its applications again and again, and in each
round so much garbage that one partition stops. All other partitions must get through
before an operator, here chaos, lets that one go on.

It exits 0 if nothing was lost, unanswered, held up by another, doubled, misordered, wrong
or out of balance; else 4, and it keeps the folder. The same seed gives the same faults at the same moments, not the same
interleaving.

Faults: ` + strings.Join(chaos.Kinds(), ", ") + `.

add-channel adds a channel, to which people apply at once; no worker is restarted for it.
clock-step sets the wall clock of a process wrong, from seconds up to two hours ahead or
forty days back. The disks that get full are those of the decisions' table, of Postgres's
write-ahead log and of Kafka's log. To have disks that can get full, chaos must be root on
Linux; without them it says so, and strikes with the other faults.`,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "rounds", Usage: "`NUMBER` of rounds", DefaultText: "3, or as many as fit into --minutes"},
			&cli.FloatFlag{Name: "minutes", Usage: "begin no round after so many `MINUTES`"},
			&cli.Uint64Flag{Name: "seed", Usage: "`NUMBER` that chooses the faults and the messages", Value: 1},
			&cli.StringSliceFlag{Name: "only", Usage: "strike with these `KINDS` only, with commas between"},
			&cli.IntFlag{Name: "rate", Usage: "`MESSAGES` a second, without the bursts", Value: 250},
			&cli.BoolFlag{Name: "plan", Usage: "print the faults of the rounds, and do nothing"},
			&cli.BoolFlag{Name: "keep", Usage: "keep the folder also when all is well"},
			&cli.BoolFlag{Name: "json", Usage: "print the result as one JSON object, and nothing else on standard output"},
			&cli.StringFlag{Name: "cache", Usage: "keep the servers' packages in `DIR`", DefaultText: "as `tajdeed-local servers`", Sources: command.Env("cache")},
		},
		Before: beforeChaos,
		Action: runChaos,
	}
}

func beforeChaos(ctx context.Context, c *cli.Command) (context.Context, error) {
	if c.Args().Present() {
		return command.NoArguments(ctx, c)
	}
	if err := chaosConfig(c).Validate(); err != nil {
		return ctx, command.UsageError(c, fmt.Errorf("--%w", err))
	}
	return ctx, nil
}

func chaosConfig(c *cli.Command) chaos.Config {
	return chaos.Config{
		Seed: c.Uint64("seed"), Only: c.StringSlice("only"), Rounds: c.Int("rounds"),
		Limit: time.Duration(c.Float("minutes") * float64(time.Minute)), Rate: c.Int("rate"),
		Keep: c.Bool("keep"), Cache: c.String("cache"),
		Progress: func(since time.Duration, step string) {
			fmt.Fprintf(c.Root().ErrWriter, "· %6.1fs %s\n", since.Seconds(), step)
		},
	}
}

func runChaos(ctx context.Context, c *cli.Command) error {
	out, config := c.Root().Writer, chaosConfig(c)
	if c.Bool("plan") {
		return chaos.WritePlan(out, config)
	}
	result, err := chaos.Run(ctx, config)
	if result.Kept != "" {
		fmt.Fprintln(c.Root().ErrWriter, "· data and logs are kept in", result.Kept)
	}
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = result.WriteJSON(out)
	} else {
		_, err = io.WriteString(out, result.Text())
	}
	if err == nil && !result.OK {
		err = cli.Exit("chaos found something", command.ExitUnbalanced)
	}
	return err
}
