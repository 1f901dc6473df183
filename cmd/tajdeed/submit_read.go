package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// submission is an application as a line had it.
type submission struct {
	application schema.Application
	data        []byte
}

// submitSource names this command as the channel's software in the envelope.
const submitSource = "/tajdeed/submit"

// message is what is published of it.
func (s *submission) message() client.Message {
	a := &s.application
	envelope := schema.Envelope{ID: a.ID.String(), Type: schema.TypeApplicationSubmitted, Source: submitSource, Time: a.SubmittedAt}
	return client.Message{
		Key:     a.CivilID.Append(nil),
		Value:   s.data,
		Headers: kafkaHeaders(envelope.Headers()),
	}
}

// refusal says why a line is not published. It holds nothing of the line.
type refusal struct {
	Line   int    `json:"line"`
	Field  string `json:"field"` // empty for the whole line
	Rule   string `json:"rule"`
	Detail string `json:"detail"`
}

// String names line, field and rule.
func (r refusal) String() string {
	field := r.Field
	if field == "" {
		field = "the line"
	}
	return fmt.Sprintf("line %d: %s: %s: %s", r.Line, field, r.Rule, r.Detail)
}

// submissions are what a file holds: all of it, since nothing is published before
// the last line is checked.
type submissions struct {
	good    []submission
	refused []refusal
}

// readSubmissions reads and checks lines; empty ones are passed over.
func readSubmissions(in io.Reader) (read submissions, err error) {
	lines := bufio.NewReaderSize(in, schema.MaxMessageBytes+2) // and the end of the line
	for number := 1; ; number++ {
		line, tooLong, err := readLine(lines)
		switch {
		case tooLong:
			read.refused = append(read.refused, refusal{number, "", schema.RuleOversize.String(), fmt.Sprintf("more than %d bytes", schema.MaxMessageBytes)})
		case len(line) > 0:
			read.check(number, line)
		}
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return read, fmt.Errorf("read line %d: %w", number, err)
		}
	}
}

// readLine reads a line without its end. What is longer than the reader's buffer is
// passed over.
func readLine(lines *bufio.Reader) (line []byte, tooLong bool, err error) {
	line, err = lines.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		_, err = lines.ReadSlice('\n')
	}
	return bytes.TrimSpace(line), tooLong, err
}

// check keeps a copy of a good line, and the reason against any other.
func (s *submissions) check(number int, line []byte) {
	application, err := schema.DecodeApplication(line)
	var wrong *schema.Error
	switch {
	case errors.As(err, &wrong):
		s.refused = append(s.refused, refusal{number, wrong.Field, wrong.Rule.String(), wrong.Detail})
	case err != nil:
		s.refused = append(s.refused, refusal{number, "", "", err.Error()})
	default:
		s.good = append(s.good, submission{application, bytes.Clone(line)})
	}
}
