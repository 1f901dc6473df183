package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	client "github.com/segmentio/kafka-go"
	"github.com/urfave/cli/v3"

	"tajdeed/producers"
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

A published message has the line's bytes as they are and the Civil ID as its key.
Its CloudEvents id is the application_id, so that the same application, submitted
again, is the same event; its source is /tajdeed/submit, its time the application's
submitted_at.

   tajdeed submit applications.ndjson
   cat applications.ndjson | tajdeed submit - --skip-bad

Exit code 3 when a line was refused, whether or not others were published.`,
		Flags: append(brokerFlags(),
			&cli.BoolFlag{Name: "skip-bad", Usage: "publish the good lines though others are refused"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object that says what was published and refused"},
		),
		Action: runSubmit,
	}
}

func runSubmit(ctx context.Context, c *cli.Command) error {
	if c.NArg() != 1 {
		return usageError(c, fmt.Errorf("one FILE is wanted, or - for standard input, not %d", c.NArg()))
	}
	in, err := openInput(c.Args().First(), c.Root().Reader)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	read, err := readSubmissions(in)
	if err != nil {
		return err
	}
	report := submitReport{Topic: topics(c).Submissions, Refused: read.refused}
	var failed error
	if len(read.refused) == 0 || c.Bool("skip-bad") {
		report.ApplicationIDs, failed = publishSubmissions(ctx, c, read.good)
	}
	if err := report.print(c.Root().Writer, c.Root().ErrWriter, c.Bool("json")); err != nil {
		return errors.Join(failed, err)
	}
	return report.outcome(failed)
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

// submitChunk is how many applications are published at a time.
const submitChunk = 5000

// publishSubmissions publishes applications in their order and returns the ids of
// those that were acknowledged. It ends at the first failure.
func publishSubmissions(ctx context.Context, c *cli.Command, good []submission) (ids []string, err error) {
	if len(good) == 0 {
		return nil, nil
	}
	if _, err := kafka.Check(ctx, c.StringSlice("brokers"), topics(c)); err != nil {
		return nil, err
	}
	publisher, err := producers.NewPublisher(publisherConfig(c), slog.Default(), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = publisher.Close() }()
	shown := progress(c, int64(len(good)), "publishing")
	defer shown.finish()
	for chunk := range slices.Chunk(good, submitChunk) {
		err := publisher.Publish(ctx, topics(c).Submissions, submissionMessages(chunk))
		ids = append(ids, acknowledged(chunk, err)...)
		if err != nil {
			return ids, err
		}
		shown.add(len(chunk))
	}
	return ids, nil
}

func submissionMessages(chunk []submission) []client.Message {
	messages := make([]client.Message, len(chunk))
	for i := range chunk {
		messages[i] = chunk[i].message()
	}
	return messages
}

// acknowledged returns the ids of a chunk's applications but those that failed.
func acknowledged(chunk []submission, err error) (ids []string) {
	lost := map[int]bool{}
	var failed *producers.PublishError
	switch {
	case errors.As(err, &failed):
		for _, f := range failed.Failures {
			lost[f.Index] = true
		}
	case err != nil:
		return nil
	}
	for i := range chunk {
		if !lost[i] {
			ids = append(ids, chunk[i].application.ID.String())
		}
	}
	return ids
}

// submitReport is what became of the input.
type submitReport struct {
	Topic          string    `json:"topic"`
	ApplicationIDs []string  `json:"published"`
	Refused        []refusal `json:"refused"`
}

// print writes what was published to out, and what was refused to errs.
func (r submitReport) print(out, errs io.Writer, asJSON bool) error {
	if asJSON {
		r.ApplicationIDs, r.Refused = append([]string{}, r.ApplicationIDs...), append([]refusal{}, r.Refused...)
		return json.NewEncoder(out).Encode(r)
	}
	for _, refused := range r.Refused {
		fmt.Fprintln(errs, refused)
	}
	for _, id := range r.ApplicationIDs {
		fmt.Fprintln(out, id)
	}
	_, err := fmt.Fprintf(errs, "%d published to %s, %d refused\n", len(r.ApplicationIDs), r.Topic, len(r.Refused))
	return err
}

// outcome is the command's: a failure to publish, or that something was refused.
func (r submitReport) outcome(failed error) error {
	switch {
	case failed != nil:
		return failed
	case len(r.Refused) > 0 && len(r.ApplicationIDs) == 0:
		return cli.Exit("nothing was published: lines were refused", exitRefused)
	case len(r.Refused) > 0:
		return cli.Exit("some lines were refused", exitRefused)
	default:
		return nil
	}
}
