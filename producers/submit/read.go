package submit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// Source is the software that the envelope of a published application names.
const Source = "/tajdeed/submit"

// Batch is what an input holds: all of it, since nothing is published before the last
// line is checked.
type Batch struct {
	Good    []Line    // in the input's order
	Refused []Refusal // likewise
}

// Line is a good line.
type Line struct {
	Application schema.Application
	Data        []byte // the line without the white space around it
}

// Refusal says why a line is not published. It holds no value of the line, because
// refusals are shown and logged, and the line may hold a person's data.
type Refusal struct {
	Line   int    `json:"line"`  // from 1
	Field  string `json:"field"` // empty for the whole line
	Rule   string `json:"rule"`  // a [schema.Rule]
	Detail string `json:"detail"`
}

// String names line, field and rule.
func (r Refusal) String() string {
	field := r.Field
	if field == "" {
		field = "the line"
	}
	return fmt.Sprintf("line %d: %s: %s: %s", r.Line, field, r.Rule, r.Detail)
}

// Read reads applications, one JSON object a line, and checks each by the contract
// ([schema.DecodeApplication]); it skips empty lines. Its error is that of reading the
// input: a bad line is a refusal and no error.
func Read(in io.Reader) (Batch, error) {
	var batch Batch
	lines := bufio.NewReaderSize(in, schema.MaxMessageBytes+2) // and the end of the line
	for number := 1; ; number++ {
		line, tooLong, err := readLine(lines)
		switch {
		case tooLong:
			batch.refuse(number, "", schema.RuleOversize, fmt.Sprintf("more than %d bytes", schema.MaxMessageBytes))
		case len(line) > 0:
			batch.check(number, line)
		}
		if errors.Is(err, io.EOF) {
			return batch, nil
		}
		if err != nil {
			return batch, fmt.Errorf("read line %d: %w", number, err)
		}
	}
}

// readLine reads a line and cuts the white space around it. A line longer than the
// reader's buffer is skipped and reported as too long.
func readLine(lines *bufio.Reader) (line []byte, tooLong bool, err error) {
	line, err = lines.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		_, err = lines.ReadSlice('\n')
	}
	return bytes.TrimSpace(line), tooLong, err
}

// check keeps a copy of a good line, and the reason against any other.
func (b *Batch) check(number int, line []byte) {
	application, err := schema.DecodeApplication(line)
	var wrong *schema.Error
	switch {
	case errors.As(err, &wrong):
		b.refuse(number, wrong.Field, wrong.Rule, wrong.Detail)
	case err != nil:
		b.Refused = append(b.Refused, Refusal{Line: number, Detail: err.Error()})
	default:
		b.Good = append(b.Good, Line{Application: application, Data: bytes.Clone(line)})
	}
}

func (b *Batch) refuse(line int, field string, rule schema.Rule, detail string) {
	b.Refused = append(b.Refused, Refusal{Line: line, Field: field, Rule: rule.String(), Detail: detail})
}

// Message returns what is published of the line to a topic: its bytes under the Civil ID as
// key. Its CloudEvents id is the application's, so that the same application, submitted
// again, is the same event.
func (l *Line) Message(topic string) client.Message {
	a := &l.Application
	envelope := schema.Envelope{ID: a.ID.String(), Type: schema.TypeApplicationSubmitted, Source: Source, Time: a.SubmittedAt}
	return client.Message{
		Topic:   topic,
		Key:     a.CivilID.Append(nil),
		Value:   l.Data,
		Headers: kafka.Headers(envelope.Headers()),
	}
}
