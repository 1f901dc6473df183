package local

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// holderVariable makes a copy of this test program start servers and hold them.
const holderVariable = "TAJDEED_LOCAL_TEST_HOLD"

func TestMain(m *testing.M) {
	if ChildMain(os.Args) {
		return
	}
	if behaviour := os.Getenv(workerVariable); behaviour != "" {
		work(behaviour)
		return
	}
	if config := os.Getenv(holderVariable); config != "" {
		if err := hold(config); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// held is what a holder says when its servers answer.
type held struct {
	At   Endpoints
	PIDs map[string]int
}

// hold runs servers until standard input ends.
func hold(config string) error {
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return err
	}
	c.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := Start(context.Background(), c)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(held{s.Endpoints(), pids(s)}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return s.Stop(context.Background())
}

func pids(s *Servers) map[string]int {
	all := map[string]int{}
	for _, server := range s.ordered {
		all[server.Name()] = server.PID()
	}
	return all
}

// holder is another process that runs servers.
type holder struct {
	held
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *strings.Builder
}

func startHolder(t *testing.T, c Config, env ...string) *holder {
	t.Helper()
	config, err := json.Marshal(struct {
		Data   string
		Broker Broker
	}{c.Data, c.Broker})
	must(t, err)
	h := &holder{cmd: exec.CommandContext(t.Context(), os.Args[0]), stderr: &strings.Builder{}}
	h.cmd.Env = append(append(os.Environ(), holderVariable+"="+string(config)), env...)
	h.cmd.Stderr = h.stderr
	h.stdin, err = h.cmd.StdinPipe()
	must(t, err)
	out, err := h.cmd.StdoutPipe()
	must(t, err)
	must(t, h.cmd.Start())
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the other process did not start its servers: %v\n%s", h.cmd.Wait(), h.stderr)
	}
	must(t, json.Unmarshal(line, &h.held))
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// limit bounds every wait in a test; nothing takes as long on a working machine.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 4*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// newData is a data folder that Postgres' user can reach, unlike t.TempDir for root.
func newData(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tajdeed-local-*")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func startServers(t *testing.T, c Config) *Servers {
	t.Helper()
	c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(limit(t), c)
	must(t, err)
	t.Cleanup(func() { _ = s.stopAll(context.Background()) }) // after a failure; else they are stopped
	return s
}

func stopServers(t *testing.T, s *Servers) {
	t.Helper()
	must(t, s.Stop(limit(t)))
}

// wantSentence checks an error that a person is to read.
func wantSentence(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error is %q, want %q in it", err, part)
		}
	}
}
