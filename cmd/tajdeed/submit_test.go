package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/producers/simulate/simulatetest"
	"tajdeed/producers/submit"
	"tajdeed/schema/kafkatest"
)

func TestSubmitPublishesNothingWhereALineIsRefused(t *testing.T) {
	t.Parallel()
	named, topics := kafkatest.NewInstallation(t, 2, "counter")
	input := string(bytes.Join(simulatetest.Applications(t, 5), []byte("\n"))) + "\n{}\n"
	args := []string{"--brokers", strings.Join(topics.Brokers, ","), "--topics", named.Prefix, "--channel", "counter", "-"}

	out, errs, err := commandtest.Run(t, submitCommand(), input, args...)
	if commandtest.Code(err) != command.ExitRefused || out != "" || !strings.Contains(errs, "line 6: ") || topics.Messages(t, topics.Names[0]) != 0 {
		t.Fatalf("code %d, printed %q and %q: %v", commandtest.Code(err), out, errs, err)
	}

	out, _, err = commandtest.Run(t, submitCommand(), input, append(args, "--skip-bad", "--json")...)
	var report submit.Report
	if decoded := json.Unmarshal([]byte(out), &report); decoded != nil {
		t.Fatal(decoded)
	}
	if commandtest.Code(err) != command.ExitRefused || len(report.ApplicationIDs) != 5 || len(report.Refused) != 1 || topics.Messages(t, topics.Names[0]) != 5 {
		t.Errorf("code %d, %+v", commandtest.Code(err), report)
	}
}

func TestSubmitWantsAFile(t *testing.T) {
	t.Parallel()
	if _, _, err := commandtest.Run(t, submitCommand(), "", "--channel", "counter"); commandtest.Code(err) != command.ExitUsage {
		t.Errorf("without a file: %v", err)
	}
	if _, _, err := commandtest.Run(t, submitCommand(), "", "--channel", "counter", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that isn't there was accepted")
	}
}

// Without a channel, or with one that there is not, nothing is published.
func TestSubmitWantsAChannel(t *testing.T) {
	t.Parallel()
	named, topics := kafkatest.NewInstallation(t, 2, "counter")
	input := string(simulatetest.Applications(t, 1)[0])
	where := []string{"--brokers", strings.Join(topics.Brokers, ","), "--topics", named.Prefix, "-"}
	for _, c := range []struct {
		name    string
		channel []string
		says    string
		code    int
	}{
		{"none", nil, "channel", command.ExitUsage},
		{"none that can be", []string{"--channel", "No Channel"}, "a channel's name is", command.ExitUsage},
		{"none that is there", []string{"--channel", "kiosk"}, "tajdeed channel add kiosk", command.ExitFailed},
	} {
		_, _, err := commandtest.Run(t, submitCommand(), input, append(c.channel, where...)...)
		if commandtest.Code(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: code %d, %v", c.name, commandtest.Code(err), err)
		}
	}
	if n := topics.Messages(t, topics.Names[0]); n != 0 {
		t.Errorf("%d messages were published", n)
	}
}
