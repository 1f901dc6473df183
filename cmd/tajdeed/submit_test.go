package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/producers/simulate"
	"tajdeed/producers/submit"
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

func TestSubmitPublishesNothingWhereALineIsRefused(t *testing.T) {
	t.Parallel()
	prefix, topics := kafkatest.NewInstallation(t, 2)
	input := string(bytes.Join(simulated(t, 5), []byte("\n"))) + "\n{}\n"
	args := []string{"--brokers", strings.Join(topics.Brokers, ","), "--topics", prefix, "-"}

	out, errs, err := commandtest.Run(t, submitCommand(), input, args...)
	if commandtest.Code(err) != command.ExitRefused || out != "" || !strings.Contains(errs, "line 6: ") || submitted(t, topics) != 0 {
		t.Fatalf("code %d, printed %q and %q: %v", commandtest.Code(err), out, errs, err)
	}

	out, _, err = commandtest.Run(t, submitCommand(), input, append(args, "--skip-bad", "--json")...)
	var report submit.Report
	if decoded := json.Unmarshal([]byte(out), &report); decoded != nil {
		t.Fatal(decoded)
	}
	if commandtest.Code(err) != command.ExitRefused || len(report.ApplicationIDs) != 5 || len(report.Refused) != 1 || submitted(t, topics) != 5 {
		t.Errorf("code %d, %+v", commandtest.Code(err), report)
	}
}

func TestSubmitWantsAFile(t *testing.T) {
	t.Parallel()
	if _, _, err := commandtest.Run(t, submitCommand(), ""); commandtest.Code(err) != command.ExitUsage {
		t.Errorf("without a file: %v", err)
	}
	if _, _, err := commandtest.Run(t, submitCommand(), "", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that isn't there was accepted")
	}
}
