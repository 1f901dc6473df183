package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/producers"
	"tajdeed/producers/submit"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

func submitCommand() *cli.Command {
	return &cli.Command{
		Name:      "submit",
		Category:  categoryAsk,
		Usage:     "check applications and publish them",
		ArgsUsage: "FILE|-",
		Description: `Reads applications, one JSON object a line (NDJSON), as schema/application.submitted.v1.schema.json
describes them, and checks every one. What is refused is named by its line, field
and rule. Unless all are good nothing is published; with --skip-bad the good ones
are.

They go to the topic of the --channel. A published message has the line's bytes as they
are and the Civil ID as its key.
Its CloudEvents id is the application_id, so that the same application, submitted
again, is the same event; its source is /tajdeed/submit, its time the application's
submitted_at.

   tajdeed submit --channel counter applications.ndjson
   cat applications.ndjson | tajdeed submit --channel counter - --skip-bad

Exit code 3 when a line was refused, whether or not others were published.`,
		Flags: append(command.BrokerFlags(),
			&cli.StringFlag{Name: "channel", Usage: "`CHANNEL` in whose name they are published", Required: true, Sources: command.Env("channel")},
			&cli.BoolFlag{Name: "skip-bad", Usage: "publish the good lines though others are refused"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object that says what was published and refused"},
		),
		Action: runSubmit,
	}
}

func runSubmit(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return command.UsageError(c, fmt.Errorf("one FILE is wanted, or - for standard input, not %d", c.NArg()))
	}
	channel, err := schema.ParseChannel(c.String("channel"))
	if err != nil {
		return command.UsageError(c, fmt.Errorf("--channel: %w", err))
	}
	in, err := openInput(c.Args().First(), c.Root().Reader)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	batch, err := submit.Read(in)
	if err != nil {
		return err
	}
	report := submit.Report{Topic: command.Topics(c).Submissions(channel), Refused: batch.Refused}
	var failed error
	if len(batch.Refused) == 0 || c.Bool("skip-bad") {
		report.ApplicationIDs, failed = publishSubmissions(ctx, c, channel, batch.Good)
	}
	if c.Bool("json") {
		err = report.WriteJSON(c.Root().Writer)
	} else {
		err = report.WriteText(c.Root().Writer, c.Root().ErrWriter)
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	return outcomeOf(report, failed)
}

// openInput opens a file, or standard input for "-".
func openInput(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read applications: %w", err)
	}
	return file, nil
}

// publishSubmissions returns the ids of the applications that were acknowledged.
func publishSubmissions(ctx context.Context, c *cli.Command, channel schema.Channel, good []submit.Line) (ids []string, err error) {
	if len(good) == 0 {
		return nil, nil
	}
	found, err := kafka.Find(ctx, c.StringSlice("brokers"), command.Topics(c))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(found.Usable, channel) {
		fault := found.Faults[channel]
		if fault == nil {
			fault = fmt.Errorf("there is none: `tajdeed channel list` names those there are, `tajdeed channel add %s` adds it", channel)
		}
		return nil, fmt.Errorf("channel %s: %w", channel, fault)
	}
	publisher, err := producers.NewPublisher(command.PublisherConfig(c), slog.Default(), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = publisher.Close() }()
	bar := command.ProgressOf(int64(len(good)), "publishing", c.Bool("json"))
	defer bar.Finish()
	return submit.Publish(ctx, publisher, command.Topics(c).Submissions(channel), good, bar.Add)
}

// outcomeOf is the command's outcome: a failure to publish, or that something was refused.
func outcomeOf(r submit.Report, failed error) error {
	switch {
	case failed != nil:
		return failed
	case len(r.Refused) > 0 && len(r.ApplicationIDs) == 0:
		return cli.Exit("nothing was published: lines were refused", command.ExitRefused)
	case len(r.Refused) > 0:
		return cli.Exit("some lines were refused", command.ExitRefused)
	default:
		return nil
	}
}
