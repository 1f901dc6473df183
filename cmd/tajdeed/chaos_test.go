package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

// One round of the bluntest faults, on servers of its own.
func TestChaosRound(t *testing.T) {
	t.Parallel()
	command := tajdeed(t.Context(), "chaos", "--rounds", "1", "--only", "kill-worker,kill-sink", "--json")
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	var result chaosResult
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if !result.OK || result.Messages == 0 || result.Faults[string(killWorker)] == 0 || result.Faults[string(killSink)] == 0 {
		t.Errorf("the run ended with %s", out)
	}
}
