package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"testing"
)

// The whole program as a newcomer runs it, on each kind of broker: it accounts for
// everything, and a second run goes on where the first one stopped.
func TestUpOnce(t *testing.T) {
	t.Parallel()
	for _, broker := range []string{"kafka", "kfake"} {
		t.Run(broker, func(t *testing.T) {
			t.Parallel()
			data := dataFolder(t)
			command := tajdeed(t.Context(), "up", "--once", "--broker", broker, "--data", data, "--applications", "500", "--residents", "3000", "--partitions", "3")
			var report, said bytes.Buffer
			command.Stdout, command.Stderr = &report, &said
			if err := command.Run(); err != nil || !bytes.Contains(report.Bytes(), []byte("every decision published before is in")) {
				t.Errorf("the report does not say that its figures are complete: %v\n%s\n%s", err, report.String(), said.String())
			}
			for run, published := range []int64{3000, 1000} {
				result := upOnce(t, "--broker", broker, "--data", data, "--applications", fmt.Sprint(published), "--partitions", "3")
				if !result.Balanced || result.Published != published || result.Consumed != published {
					t.Errorf("run %d: %+v", run, result)
				}
				// A run that began anew would find every application there already.
				if result.Approved < published*8/10 {
					t.Errorf("run %d approved %d of %d", run, result.Approved, published)
				}
			}
			refused := tajdeed(t.Context(), "up", "--once", "--json", "--broker", broker, "--data", data, "--seed", "2")
			if out, err := refused.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("--fresh")) {
				t.Errorf("another seed on the same data: %v\n%s", err, out)
			}
		})
	}
}

// upOnce runs `up --once --json` and reads what it prints.
func upOnce(t *testing.T, args ...string) (result upResult) {
	t.Helper()
	command := tajdeed(t.Context(), append([]string{"up", "--once", "--json"}, args...)...)
	var out, log bytes.Buffer
	command.Stdout, command.Stderr = &out, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, log.String())
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("standard output is not one JSON object: %v\n%s", err, out.String())
	}
	return result
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		args []string
		want int
	}{
		{"version", []string{"version"}, exitDone},
		{"help", []string{"--help"}, exitDone},
		{"no such command", []string{"renew"}, exitUsage},
		{"no such flag", []string{"up", "--rat", "5"}, exitUsage},
		{"value of the wrong type", []string{"up", "--rate", "fast"}, exitUsage},
		{"argument that would be ignored", []string{"migrate", "now"}, exitUsage},
		{"topics without partitions", []string{"migrate", "--partitions", "0"}, exitUsage},
		{"json without once", []string{"up", "--json"}, exitUsage},
		{"no pseudonym key", []string{"analytics"}, exitUsage},
		{"short pseudonym key", []string{"analytics", "--pseudonym-key", "short"}, exitUsage},
		{"unknown log level", []string{"--log-level", "loud", "version"}, exitUsage},
		{"stores that are not there", []string{"migrate", "--postgres", "postgres://127.0.0.1:1/none"}, exitFailed},
		{"a stage whose stores are not there", []string{"renewals", "--postgres", "postgres://127.0.0.1:1/none", "--wait", "1s"}, exitFailed},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			out, err := tajdeed(t.Context(), tc.args...).CombinedOutput()
			got := exitDone
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				got = exit.ExitCode()
			}
			if got != tc.want {
				t.Errorf("tajdeed %v exited with %d, want %d:\n%s", tc.args, got, tc.want, out)
			}
		})
	}
}
