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
	installation, topics := kafkatest.NewInstallation(t, 2)
	dir := t.TempDir()
	manifest := filepath.Join(dir, "manifest.json")
	out, _, err := commandtest.Run(t, simulateCommand(), "", "--listen", "", "--brokers", strings.Join(topics.Brokers, ","), "--topics", installation.Prefix,
		"--residents", "1000", "--rate", "0", "--applications", "1500", "--skip", "100",
		"--extract", filepath.Join(dir, "extract"), "--manifest", manifest)
	if err != nil || !strings.Contains(out, "published 1500 messages") || !strings.Contains(out, "--skip 1600") {
		t.Fatalf("%v: %s", err, out)
	}
	sum := int64(0)
	for _, channel := range schema.DefaultChannels() {
		n := topics.Messages(t, installation.Submissions(channel))
		if n == 0 {
			t.Errorf("nothing came by %s", channel)
		}
		sum += n
	}
	if sum != 1500 {
		t.Errorf("%d messages on the topics", sum)
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
	installation, topics := kafkatest.NewInstallation(t, 2)
	p := commandtest.Start(t, "simulate", "--brokers", strings.Join(topics.Brokers, ","), "--topics", installation.Prefix, "--residents", "1000")
	p.Ready().Signal(syscall.SIGTERM)
	if code := p.Exit(); code != command.ExitDone {
		t.Errorf("exit code %d:\n%s", code, p.Said())
	}
}

func TestSimulateRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--residents", "3"}, {"--residents", "0"}, {"--rate", "-1"}, {"--start", "yesterday"}, {"--extract-only"}, {"more"},
	} {
		if _, _, err := commandtest.Run(t, simulateCommand(), "", args...); commandtest.Code(err) != command.ExitUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
}
