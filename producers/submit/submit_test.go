package submit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers"
	"tajdeed/producers/simulate/simulatetest"
	"tajdeed/schema"
)

func read(t *testing.T, input []byte) Batch {
	t.Helper()
	batch, err := Read(bytes.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

func TestSubmissionsAreReadLineByLine(t *testing.T) {
	t.Parallel()
	good := simulatetest.Applications(t, 3)
	batch := read(t, bytes.Join([][]byte{
		good[0], nil, // an empty line
		bytes.Replace(good[1], []byte(`"months":`), []byte(`"months":-`), 1),
		append([]byte("  "), append(good[1], '\r')...),
		bytes.Repeat([]byte("x"), 3*schema.MaxMessageBytes),
		[]byte(`{"application_id":`),
		good[2], // without an end of line
	}, []byte("\n")))
	var lines []string
	for _, r := range batch.Refused {
		lines = append(lines, r.String())
	}
	for i, want := range []string{"line 3: months: out_of_range", "line 5: the line: oversize", "line 6: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("refused: %q, want %q", lines, want)
		}
	}
	if len(batch.Refused) != 3 || len(batch.Good) != 3 || !bytes.Equal(batch.Good[1].Data, good[1]) {
		t.Errorf("%d good, refused: %q", len(batch.Good), lines)
	}
}

// Refusals are shown and logged, so they may hold nothing of a person.
func TestRefusalHoldsNothingOfTheLine(t *testing.T) {
	t.Parallel()
	data := simulatetest.Applications(t, 1)[0]
	for field, spoil := range map[string][2]string{
		"kind":           {`"kind":"`, `"kind":"secret-`},
		"civil_id":       {`"civil_id":"`, `"civil_id":"secret-`},
		"application_id": {`"application_id":"`, `"application_id":"secret-`},
		"submitted_at":   {`"submitted_at":"`, `"submitted_at":"secret-`},
	} {
		batch := read(t, bytes.Replace(data, []byte(spoil[0]), []byte(spoil[1]), 1))
		if len(batch.Refused) != 1 || batch.Refused[0].Field != field || strings.Contains(batch.Refused[0].String(), "secret") {
			t.Errorf("%s: refused %v", field, batch.Refused)
		}
	}
}

func TestUnreadableInputIsAnError(t *testing.T) {
	t.Parallel()
	gone := errors.New("the disk is gone")
	in := io.MultiReader(bytes.NewReader(append(simulatetest.Applications(t, 1)[0], '\n')), iotest.ErrReader(gone))
	if _, err := Read(in); !errors.Is(err, gone) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error: %v", err)
	}
}

func TestSubmissionIsAMessageOfTheContract(t *testing.T) {
	t.Parallel()
	data := simulatetest.Applications(t, 1)[0]
	m := read(t, data).Good[0].Message("submissions")
	headers := make([]schema.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = schema.Header(h)
	}
	a, err := schema.ReadApplication(m.Key, m.Value, headers)
	if err != nil || !bytes.Equal(m.Value, data) || m.Topic != "submissions" {
		t.Fatalf("%v: %s", err, m.Value)
	}
	envelope, err := schema.ReadEnvelope(headers)
	if err != nil || envelope.ID != a.ID.String() || !envelope.Time.Equal(a.SubmittedAt) || envelope.Source != Source {
		t.Errorf("envelope %+v, %v", envelope, err)
	}
}

func TestAcknowledgedLeavesOutWhatFailed(t *testing.T) {
	t.Parallel()
	good := read(t, bytes.Join(simulatetest.Applications(t, 3), []byte("\n"))).Good
	failed := &producers.PublishError{Failures: []producers.Failure{{Index: 1, Err: errors.New("gone")}}}
	ids := acknowledged(good, failed)
	if len(ids) != 2 || ids[0] != good[0].Application.ID.String() || ids[1] != good[2].Application.ID.String() {
		t.Errorf("acknowledged: %v", ids)
	}
}

// publisherFunc is a [Publisher].
type publisherFunc func(messages []kafka.Message) error

func (f publisherFunc) Publish(_ context.Context, messages []kafka.Message) error {
	for _, m := range messages {
		if m.Topic != "submissions" {
			return errors.New("another topic: " + m.Topic)
		}
	}
	return f(messages)
}

func TestPublishKeepsTheOrderOverChunks(t *testing.T) {
	t.Parallel()
	const n = 2*chunkLines + 3
	data := simulatetest.Applications(t, n)
	good := read(t, bytes.Join(data, []byte("\n"))).Good
	var values [][]byte
	var reported []int
	ids, err := Publish(t.Context(), publisherFunc(func(messages []kafka.Message) error {
		for _, m := range messages {
			values = append(values, m.Value)
		}
		return nil
	}), "submissions", good, func(n int) { reported = append(reported, n) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(values, data, bytes.Equal) || !slices.Equal(reported, []int{chunkLines, chunkLines, 3}) {
		t.Errorf("%d messages published, reported %v", len(values), reported)
	}
	if len(ids) != n || ids[n-1] != good[n-1].Application.ID.String() {
		t.Errorf("%d ids", len(ids))
	}
}

func TestPublishEndsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	good := read(t, bytes.Join(simulatetest.Applications(t, 2*chunkLines), []byte("\n"))).Good
	gone := errors.New("the brokers are gone")
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"one message":    {&producers.PublishError{Failures: []producers.Failure{{Index: 1, Err: gone}}}, chunkLines - 1},
		"the whole call": {gone, 0},
	} {
		calls := 0
		ids, err := Publish(t.Context(), publisherFunc(func([]kafka.Message) error { calls++; return c.err }), "submissions", good, nil)
		if !errors.Is(err, gone) || calls != 1 || len(ids) != c.want || slices.Contains(ids, good[1].Application.ID.String()) {
			t.Errorf("%s: %d ids after %d calls: %v", name, len(ids), calls, err)
		}
	}
}

func TestReportNamesWhatWasPublishedAndRefused(t *testing.T) {
	t.Parallel()
	r := Report{
		Topic: "submissions", ApplicationIDs: []string{"a", "b"},
		Refused: []Refusal{{Line: 3, Field: "months", Rule: "out_of_range", Detail: "1 to 180"}},
	}
	var out, errs, asJSON, empty bytes.Buffer
	if err := errors.Join(r.WriteText(&out, &errs), r.WriteJSON(&asJSON), Report{Topic: "submissions"}.WriteJSON(&empty)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, got, want string }{
		{"output", out.String(), "a\nb\n"},
		{"errors", errs.String(), "line 3: months: out_of_range: 1 to 180\n2 published to submissions, 1 refused\n"},
		{"JSON", asJSON.String(), `{"topic":"submissions","published":["a","b"],"refused":[{"line":3,"field":"months","rule":"out_of_range","detail":"1 to 180"}]}` + "\n"},
		{"empty JSON", empty.String(), `{"topic":"submissions","published":[],"refused":[]}` + "\n"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.what, c.got, c.want)
		}
	}
}
