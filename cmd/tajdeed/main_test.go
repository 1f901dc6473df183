package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
)

func TestExitCodes(t *testing.T) {
	t.Parallel()
	commandtest.ExitCodes(t, map[string]int{
		"version":                           command.ExitDone,
		"--help":                            command.ExitDone,
		"renew":                             command.ExitUsage, // no such command
		"up":                                command.ExitUsage, // of the other program
		"renewals --batch 5":                command.ExitUsage, // no such flag
		"renewals --batch-messages x":       command.ExitUsage,
		"renewals --batch-messages 0":       command.ExitUsage,
		"renewals --concurrency 0":          command.ExitUsage,
		"renewals --batch-age 0s":           command.ExitUsage,
		"renewals --quarantine-limit 0":     command.ExitUsage, // would be taken for the default
		"renewals --quarantine-limit 1.5":   command.ExitUsage,
		"renewals --chaos-clock /dev/null":  command.ExitUsage, // no stage takes its clock from a flag
		"migrate now":                       command.ExitUsage, // an argument that would be ignored
		"migrate --partitions 0":            command.ExitUsage,
		"migrate --channels No":             command.ExitUsage,
		"channel":                           command.ExitDone, // its help
		"channel remove counter":            command.ExitUsage,
		"channel add":                       command.ExitUsage,
		"channel add counter Kiosk-7":       command.ExitUsage,
		"channel add --replication 0 kiosk": command.ExitUsage,
		"channel list counter":              command.ExitUsage,
		"analytics":                         command.ExitUsage, // without a pseudonym key
		"analytics --pseudonym-key short":   command.ExitUsage,
		"--log-level loud version":          command.ExitUsage,
		"migrate --postgres postgres://127.0.0.1:1/none":            command.ExitFailed,
		"renewals --postgres postgres://127.0.0.1:1/none --wait 1s": command.ExitFailed,
	})
}

// What an installation runs holds nothing that starts servers, injects faults or draws
// screens.
func TestProgramLinksNothingLocal(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "tajdeed/cmd/tajdeed").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, "tajdeed/consumers") {
		t.Fatalf("this lists no dependencies: %d packages", len(linked))
	}
	for _, path := range linked {
		for _, part := range []string{"kfake", "franz-go", "purego", "chdb", "bubbletea", "lipgloss", "tajdeed/deploy/local", "tajdeed/deploy/demo", "tajdeed/deploy/bench", "tajdeed/deploy/chaos", "tajdeed/deploy/worker", "producers/simulate"} {
			if strings.Contains(path, part) {
				t.Errorf("the program links %s", path)
			}
		}
	}
}
