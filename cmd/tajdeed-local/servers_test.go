package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tajdeed/deploy/local/localtest"
)

// buildProgram makes the real program, for the tests that run it.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tajdeed-local")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func TestServersCommand(t *testing.T) {
	t.Parallel()
	program, data := buildProgram(t), localtest.Folder(t)
	servers := func(more ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), program, append([]string{"servers", "--broker", "kfake", "--data", data}, more...)...)
	}
	t.Run("beside a command: its environment and its exit code", func(t *testing.T) {
		out, err := servers("--", "sh", "-c", "echo $TAJDEED_POSTGRES $TAJDEED_CLICKHOUSE $TAJDEED_BROKERS; exit 7").Output()
		if failed := new(exec.ExitError); !errors.As(err, &failed) || failed.ExitCode() != 7 {
			t.Errorf("the command ended with 7, this with %v", err)
		}
		words := strings.Fields(string(out))
		if len(words) != 3 || !strings.HasPrefix(words[0], "postgres://") || !strings.HasPrefix(words[1], "clickhouse://") || !strings.HasPrefix(words[2], "127.0.0.1:") {
			t.Errorf("the command saw %q", out)
		}
	})
	t.Run("until Ctrl-C: what listens where", func(t *testing.T) {
		cmd := servers()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := readUntil(t, bufio.NewScanner(out), data)
		for _, part := range []string{"Postgres    postgres://", "ClickHouse  clickhouse://", "kfake       127.0.0.1:"} {
			if !strings.Contains(said, part) {
				t.Errorf("%q is not in:\n%s", part, said)
			}
		}
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after Ctrl-C: %v", err)
		}
	})
	t.Run("what cannot be done is one sentence", func(t *testing.T) {
		out, err := servers("--kafka-port", "70000").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "70000 is no port for Kafka") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func readUntil(t *testing.T, lines *bufio.Scanner, last string) string {
	t.Helper()
	var said strings.Builder
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), last) {
			return said.String()
		}
	}
	t.Fatalf("it ended without %q:\n%s", last, said.String())
	return ""
}

func TestExitCodeIsAsAShellHasIt(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 3": 3, "kill -TERM $$": 128 + int(syscall.SIGTERM)} {
		failed := new(exec.ExitError)
		if err := exec.Command("sh", "-c", script).Run(); !errors.As(err, &failed) || exitCode(failed) != want {
			t.Errorf("%q: %v, want %d", script, err, want)
		}
	}
}
