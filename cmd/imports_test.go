// Package cmd holds the programs; its test holds the whole house to its plan.
package cmd

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// floors are the top folders from the ground up. A package imports packages of its own
// folder and of those below it; consumers and producers, which stand on one floor, do not
// know each other.
var floors = map[string]int{"schema": 0, "producers": 1, "consumers": 1, "dashboards": 2, "deploy": 3, "cmd": 4}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportsGoDown(t *testing.T) {
	t.Parallel()
	command := exec.Command("go", "list", "-json=ImportPath,Imports", "tajdeed/...")
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen++
		for _, path := range p.Imports {
			if reason := forbidden(p.ImportPath, path); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, path, reason)
			}
		}
	}
	if seen < len(floors) {
		t.Errorf("only %d packages were looked at", seen)
	}
}

// forbidden says why a package must not import another one.
func forbidden(from, to string) string {
	here, ours := strings.CutPrefix(from, "tajdeed/")
	there, theirs := strings.CutPrefix(to, "tajdeed/")
	if !ours || !theirs {
		return ""
	}
	folder, _, _ := strings.Cut(here, "/")
	other, stage, nested := strings.Cut(there, "/")
	floor, known := floors[folder]
	below, otherKnown := floors[other]
	switch {
	case !known || !otherKnown:
		return "one of them lies in no folder of the plan"
	case folder != other && below >= floor:
		return "imports go down only"
	case here == "dashboards/text":
		return "what lays text out knows nothing of ours"
	case here == "consumers" && there == "consumers/fetch":
		return ""
	case here == "consumers/fetch" && other == "consumers":
		return "what reads from brokers knows no engine"
	case folder == "consumers" && other == "consumers" && nested && here != there && !strings.HasPrefix(here, "consumers/"+stage):
		return "a stage imports its parent and schema; the engine imports no stage"
	}
	return ""
}

func TestForbiddenImportsAreFound(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"tajdeed/schema/kafka", "tajdeed/consumers"},
		{"tajdeed/producers", "tajdeed/consumers"},
		{"tajdeed/consumers", "tajdeed/producers"},
		{"tajdeed/consumers", "tajdeed/consumers/renewals"},
		{"tajdeed/consumers/fetch", "tajdeed/consumers"},
		{"tajdeed/consumers/renewals", "tajdeed/consumers/fetch"},
		{"tajdeed/consumers/renewals", "tajdeed/consumers/analytics"},
		{"tajdeed/dashboards/verify", "tajdeed/deploy/local"},
		{"tajdeed/dashboards/text", "tajdeed/schema"},
		{"tajdeed/deploy/demo", "tajdeed/cmd/command"},
		{"tajdeed/internal/x", "tajdeed/schema"},
	} {
		if forbidden(pair[0], pair[1]) == "" {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{
		{"tajdeed/consumers/renewals", "tajdeed/consumers"}, {"tajdeed/cmd/tajdeed", "tajdeed/deploy/process"},
		{"tajdeed/dashboards/verify", "tajdeed/dashboards/text"}, {"tajdeed/schema/extract", "tajdeed/schema"},
	} {
		if reason := forbidden(pair[0], pair[1]); reason != "" {
			t.Errorf("%s may not import %s: %s", pair[0], pair[1], reason)
		}
	}
}
