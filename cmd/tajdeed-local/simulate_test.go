package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/schema"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafkatest"
)

func TestSimulatePublishesAndSaysWhatShouldComeOut(t *testing.T) {
	t.Parallel()
	names, topics := kafkatest.NewInstallation(t, 2, schema.DefaultChannels()...)
	dir := t.TempDir()
	manifest := filepath.Join(dir, "manifest.json")
	out, _, err := commandtest.Run(t, simulateCommand(), "", "--listen", "", "--brokers", strings.Join(topics.Brokers, ","), "--topics", names.Prefix,
		"--residents", "1000", "--rate", "0", "--applications", "1500", "--skip", "100",
		"--extract", filepath.Join(dir, "extract"), "--manifest", manifest)
	if err != nil || !strings.Contains(out, "published 1500 messages") || !strings.Contains(out, "--skip 1600") {
		t.Fatalf("%v: %s", err, out)
	}
	published := int64(0)
	for _, channel := range schema.DefaultChannels() {
		n := topics.Messages(t, names.Submissions(channel))
		if published += n; n == 0 {
			t.Errorf("nobody applies by %s", channel)
		}
	}
	if published != 1500 {
		t.Errorf("%d messages on the topics", published)
	}
	if _, err := extract.Open(filepath.Join(dir, "extract")); err != nil {
		t.Error(err)
	}
	var written struct{ Summary struct{ Messages int } }
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &written); err != nil || written.Summary.Messages != 1600 {
		t.Errorf("the manifest is of %d messages: %v", written.Summary.Messages, err)
	}
}

func TestSimulateEndsAtSIGTERM(t *testing.T) {
	t.Parallel()
	names, topics := kafkatest.NewInstallation(t, 2, "counter")
	p := commandtest.Start(t, "simulate", "--brokers", strings.Join(topics.Brokers, ","), "--topics", names.Prefix, "--residents", "1000", "--channels", "counter")
	p.Ready().Signal(syscall.SIGTERM)
	if code := p.Exit(); code != command.ExitDone {
		t.Errorf("exit code %d:\n%s", code, p.Said())
	}
}

// What a channel that does not exist would send is published nowhere, and nothing else is.
func TestSimulateNeedsItsChannels(t *testing.T) {
	t.Parallel()
	names, topics := kafkatest.NewInstallation(t, 1, "counter")
	_, _, err := commandtest.Run(t, simulateCommand(), "", "--listen", "", "--brokers", strings.Join(topics.Brokers, ","), "--topics", names.Prefix,
		"--residents", "1000", "--applications", "10", "--channels", "counter,mobile_app")
	if err == nil || !strings.Contains(err.Error(), "tajdeed channel add mobile_app") {
		t.Errorf("a channel that does not exist: %v", err)
	}
	if n := topics.Messages(t, names.Submissions("counter")); n != 0 {
		t.Errorf("%d messages are published all the same", n)
	}
}

func TestSimulateRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--residents", "3"}, {"--residents", "0"}, {"--rate", "-1"}, {"--start", "yesterday"}, {"--extract-only"}, {"more"},
		{"--channels", "No Name"}, {"--channels", "counter,counter"},
	} {
		if _, _, err := commandtest.Run(t, simulateCommand(), "", args...); commandtest.Code(err) != command.ExitUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
}
