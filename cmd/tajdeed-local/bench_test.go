package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tajdeed/cmd/command/commandtest"
	"tajdeed/deploy/bench"
	"tajdeed/deploy/local/localtest"
)

// With --json standard output is one object and nothing else; --report writes a file.
func TestBenchPrints(t *testing.T) {
	t.Parallel()
	data := localtest.Folder(t)
	report := filepath.Join(data, "report.md")
	run := commandtest.Command(t.Context(), "bench", "--broker", "kfake", "--data", data, "--applications", "500",
		"--only", "renewals", "--json", "--report", report)
	var out, log bytes.Buffer
	run.Stdout, run.Stderr = &out, &log
	if err := run.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	var result bench.Result
	if err := json.Unmarshal(out.Bytes(), &result); err != nil || len(result.Figures) != 1 || result.Figures[0].N < 400 {
		t.Errorf("standard output: %v\n%s", err, out.String())
	}
	text, err := os.ReadFile(report)
	if err != nil || !strings.Contains(string(text), "Made by `tajdeed-local bench --broker kfake") || !strings.Contains(string(text), "| renewals |") {
		t.Errorf("the report: %v\n%s", err, text)
	}
}
