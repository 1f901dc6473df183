package main

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers"
)

// wallClock is a stage's wall clock, which chaos sets wrong without touching the
// machine's. What a stage measures goes on by the monotonic clock, which no step of a
// real one moves either.
type wallClock struct {
	file string // says by how much it is wrong; "": it is the machine's
}

// clockFlag has no variable to set it by mistake, and no help shows it.
func clockFlag() cli.Flag {
	return &cli.StringFlag{Name: "chaos-clock", Hidden: true, Usage: "for chaos only: the clock is wrong by what `FILE` says"}
}

func wallClockOf(c *cli.Command) wallClock {
	clock := wallClock{file: c.String("chaos-clock")}
	if clock.file != "" {
		slog.Warn("the clock of this process is chaos's to step", "file", clock.file)
	}
	return clock
}

func (c wallClock) now() time.Time { return time.Now().Add(c.step()) }

// step is by how much the clock is wrong at present. A file that is not there, or not
// yet written, says nothing.
func (c wallClock) step() time.Duration {
	if c.file == "" {
		return 0
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		return 0
	}
	by, _ := time.ParseDuration(string(text))
	return by
}

// publisher stamps messages by the clock; the machine's needs nobody to.
func (c wallClock) publisher(p consumers.Publisher) consumers.Publisher {
	if c.file == "" {
		return p
	}
	return steppedPublisher{p, c}
}

type steppedPublisher struct {
	consumers.Publisher
	clock wallClock
}

func (p steppedPublisher) PublishPlaced(ctx context.Context, topic string, messages []kafka.Message) error {
	stamped, now := slices.Clone(messages), p.clock.now()
	for i := range stamped {
		stamped[i].Time = now
	}
	return p.Publisher.PublishPlaced(ctx, topic, stamped)
}

// clockSteps are the steps of a clock: forward, the last so far that the broker refuses
// its messages until it is right again; and back, the last into another month, by which
// the analysts' table is cut.
var clockSteps = [2][4]time.Duration{
	{5 * time.Second, time.Minute, 50 * time.Minute, 2 * time.Hour},
	{-5 * time.Second, -time.Minute, -50 * time.Minute, -40 * 24 * time.Hour},
}

// stepOf says whose clock a fault steps, and by how much.
func stepOf(f fault) (role string, by time.Duration) {
	steps := clockSteps[f.Way]
	role = [...]string{roleWorker, roleWorker, roleSink}[f.Pick%3]
	return role, steps[f.Pick/3%len(steps)]
}
