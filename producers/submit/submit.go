// Package submit publishes applications that somebody has in a file: it checks every
// line by the contract of the submissions first and says what is wrong with each that
// is refused. It decides nothing about an application, and whether the good lines are
// published though others are refused is its caller's choice. `tajdeed submit` calls it.
package submit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers"
)

// Publisher sends messages to the topics that they name and returns when all are
// acknowledged or given up; [producers.Publisher] does. Where only some fail, its error is a
// [*producers.PublishError] that names them.
type Publisher interface {
	Publish(ctx context.Context, messages []kafka.Message) error
}

// chunkLines is how many applications one call publishes.
const chunkLines = 5000

// Publish publishes good lines to a channel's topic of submissions in their order, in
// chunks, and returns the ids of the applications that were acknowledged. It ends at the first chunk that fails. After
// each other chunk it calls progress, where that is not nil, with the number of lines.
func Publish(ctx context.Context, publisher Publisher, topic string, good []Line, progress func(n int)) (ids []string, err error) {
	for chunk := range slices.Chunk(good, chunkLines) {
		err := publisher.Publish(ctx, messages(topic, chunk))
		ids = append(ids, acknowledged(chunk, err)...)
		if err != nil {
			return ids, err
		}
		if progress != nil {
			progress(len(chunk))
		}
	}
	return ids, nil
}

func messages(topic string, chunk []Line) []kafka.Message {
	all := make([]kafka.Message, len(chunk))
	for i := range chunk {
		all[i] = chunk[i].Message(topic)
	}
	return all
}

// acknowledged returns the ids of a chunk's applications but those that failed.
func acknowledged(chunk []Line, err error) (ids []string) {
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
			ids = append(ids, chunk[i].Application.ID.String())
		}
	}
	return ids
}

// Report is what became of an input.
type Report struct {
	Topic          string    `json:"topic"`
	ApplicationIDs []string  `json:"published"`
	Refused        []Refusal `json:"refused"`
}

// WriteJSON writes the report as one JSON object and the end of a line. What is empty
// is an empty list there, not null.
func (r Report) WriteJSON(out io.Writer) error {
	r.ApplicationIDs, r.Refused = append([]string{}, r.ApplicationIDs...), append([]Refusal{}, r.Refused...)
	return json.NewEncoder(out).Encode(r)
}

// WriteText writes the ids of what was published to out, one a line, and to errs what
// was refused and a summary.
func (r Report) WriteText(out, errs io.Writer) error {
	for _, refused := range r.Refused {
		fmt.Fprintln(errs, refused)
	}
	for _, id := range r.ApplicationIDs {
		fmt.Fprintln(out, id)
	}
	_, err := fmt.Fprintf(errs, "%d published to %s, %d refused\n", len(r.ApplicationIDs), r.Topic, len(r.Refused))
	return err
}
