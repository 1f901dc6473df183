package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
)

// simulated returns the data of n right applications.
func simulated(t *testing.T, n int) [][]byte {
	t.Helper()
	s, err := simulate.New(simulate.Config{Residents: 1_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Unreadable: -1})
	if err != nil {
		t.Fatal(err)
	}
	data := make([][]byte, n)
	for i := range data {
		m, _ := s.Next()
		data[i] = m.Value
	}
	return data
}

func TestSubmissionsAreReadLineByLine(t *testing.T) {
	t.Parallel()
	good := simulated(t, 3)
	input := bytes.Join([][]byte{
		good[0], nil, // an empty line
		bytes.Replace(good[1], []byte(`"months":`), []byte(`"months":-`), 1),
		append([]byte("  "), append(good[1], '\r')...),
		bytes.Repeat([]byte("x"), 3*schema.MaxMessageBytes),
		[]byte(`{"application_id":`),
		good[2], // without an end of line
	}, []byte("\n"))
	read, err := readSubmissions(bytes.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range read.refused {
		lines = append(lines, r.String())
	}
	for i, want := range []string{"line 3: months: out_of_range", "line 5: the line: oversize", "line 6: "} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Errorf("refused: %q, want %q", lines, want)
		}
	}
	if len(read.refused) != 3 || len(read.good) != 3 || !bytes.Equal(read.good[1].data, good[1]) {
		t.Errorf("%d good, refused: %q", len(read.good), lines)
	}
}

func TestSubmissionIsAMessageOfTheContract(t *testing.T) {
	t.Parallel()
	data := simulated(t, 1)[0]
	read, err := readSubmissions(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m := read.good[0].message()
	headers := make([]schema.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = schema.Header(h)
	}
	a, err := schema.ReadApplication(m.Key, m.Value, headers)
	if err != nil || !bytes.Equal(m.Value, data) {
		t.Fatalf("%v: %s", err, m.Value)
	}
	if envelope, err := schema.ReadEnvelope(headers); err != nil || envelope.ID != a.ID.String() || !envelope.Time.Equal(a.SubmittedAt) {
		t.Errorf("envelope %+v, %v", envelope, err)
	}
}

func TestAcknowledgedLeavesOutWhatFailed(t *testing.T) {
	t.Parallel()
	read, err := readSubmissions(bytes.NewReader(bytes.Join(simulated(t, 3), []byte("\n"))))
	if err != nil {
		t.Fatal(err)
	}
	failed := &producers.PublishError{Failures: []producers.Failure{{Index: 1, Err: errors.New("gone")}}}
	ids := acknowledged(read.good, failed)
	if len(ids) != 2 || ids[0] != read.good[0].application.ID.String() || ids[1] != read.good[2].application.ID.String() {
		t.Errorf("acknowledged: %v", ids)
	}
}

// submit runs the command and returns what it printed.
func submit(t *testing.T, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c := submitCommand()
	c.Reader, c.Writer, c.ErrWriter = strings.NewReader(stdin), &stdout, &stderr
	c.ExitErrHandler = rootCommand().ExitErrHandler
	err = c.Run(t.Context(), append([]string{"submit"}, args...))
	return stdout.String(), stderr.String(), err
}

// submitted counts the messages on an installation's topic of submissions.
func submitted(t *testing.T, topics kafkatest.Topics) (n int64) {
	t.Helper()
	ends, err := kafka.Ends(t.Context(), topics.Brokers, topics.Names[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		n += end.Next - end.First
	}
	return n
}

func exitCodeOf(err error) int {
	if coded, ok := errors.AsType[cli.ExitCoder](err); ok {
		return coded.ExitCode()
	}
	return exitDone
}

func TestSubmitPublishesNothingWhereALineIsRefused(t *testing.T) {
	t.Parallel()
	prefix, topics := kafkatest.NewInstallation(t, 2)
	input := string(bytes.Join(simulated(t, 5), []byte("\n"))) + "\n{}\n"
	args := []string{"--brokers", strings.Join(topics.Brokers, ","), "--topics", prefix, "-"}

	out, errs, err := submit(t, input, args...)
	if exitCodeOf(err) != exitRefused || out != "" || !strings.Contains(errs, "line 6: ") || submitted(t, topics) != 0 {
		t.Fatalf("code %d, printed %q and %q: %v", exitCodeOf(err), out, errs, err)
	}

	out, _, err = submit(t, input, append(args, "--skip-bad", "--json")...)
	var report submitReport
	if decoded := json.Unmarshal([]byte(out), &report); decoded != nil {
		t.Fatal(decoded)
	}
	if exitCodeOf(err) != exitRefused || len(report.ApplicationIDs) != 5 || len(report.Refused) != 1 || submitted(t, topics) != 5 {
		t.Errorf("code %d, %+v", exitCodeOf(err), report)
	}
}

func TestSubmitWantsAFile(t *testing.T) {
	t.Parallel()
	if _, _, err := submit(t, ""); exitCodeOf(err) != exitUsage {
		t.Errorf("without a file: %v", err)
	}
	if _, _, err := submit(t, "", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that isn't there was accepted")
	}
}
