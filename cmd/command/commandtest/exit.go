package commandtest

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"tajdeed/cmd/command"
)

// ExitCodes runs the program with arguments and compares its exit codes.
func ExitCodes(t *testing.T, want map[string]int) {
	t.Helper()
	for args, code := range want {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			out, err := Command(t.Context(), strings.Fields(args)...).CombinedOutput()
			got := command.ExitDone
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				got = exit.ExitCode()
			}
			if got != code {
				t.Errorf("exit code %d, want %d:\n%s", got, code, out)
			}
		})
	}
}
