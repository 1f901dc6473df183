// Package commandtest runs the programs as their users do: a subcommand in the test's
// process, or the whole program as a process that can be told to stop, killed and asked.
package commandtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/installationtest"
)

// asProgram makes the test's binary be the program itself.
const asProgram = "TAJDEED_TEST_AS_PROGRAM"

// IsProgram says whether this process was started by [Command]: then TestMain calls main
// and no test.
func IsProgram() bool { return os.Getenv(asProgram) != "" }

// Run runs a subcommand in the test's process, with a standard input, and returns what it
// printed and its error.
func Run(t *testing.T, c *cli.Command, stdin string, args ...string) (out, errs string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := command.Complete(&cli.Command{Name: "tajdeed", Commands: []*cli.Command{c}})
	root.Flags, root.Before = nil, nil // the test's log is its own
	root.Reader, root.Writer, root.ErrWriter = strings.NewReader(stdin), &stdout, &stderr
	err = root.Run(t.Context(), slices.Concat([]string{"tajdeed", c.Name}, args))
	return stdout.String(), stderr.String(), err
}

// Code is the exit code of an error that a subcommand ended with.
func Code(err error) int {
	if coded, ok := errors.AsType[cli.ExitCoder](err); ok {
		return coded.ExitCode()
	}
	if err != nil {
		return command.ExitFailed
	}
	return command.ExitDone
}

// Program is a running program.
type Program struct {
	*testing.T
	name    string
	command *exec.Cmd
	exited  chan struct{}

	mu      sync.Mutex
	log     bytes.Buffer
	address string // of its pages, once it has said so
}

// Command returns the program with arguments; it has not started.
func Command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// Start starts a long-running subcommand and stops it when the test ends.
func Start(t *testing.T, args ...string) *Program {
	t.Helper()
	p := &Program{T: t, name: args[0], exited: make(chan struct{})}
	p.command = Command(context.WithoutCancel(t.Context()), append(args, "--listen", "127.0.0.1:0")...)
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		// Not SIGKILL: the embedded ClickHouse, which other tests share, dies of a
		// client that goes without a word.
		p.Signal(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.Said())
		}
	})
	return p
}

// Exit waits for the end of the program and returns its exit code.
func (p *Program) Exit() int {
	<-p.exited
	return p.command.ProcessState.ExitCode()
}

// read keeps what the program says, and finds its address there.
func (p *Program) read(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct {
			Msg, Address string
		}
		_ = json.Unmarshal(lines.Bytes(), &line)
		p.mu.Lock()
		p.log.Write(append(lines.Bytes(), '\n'))
		if strings.HasPrefix(line.Msg, "serving") {
			p.address = line.Address
		}
		p.mu.Unlock()
	}
	_ = p.command.Wait()
	close(p.exited)
}

// Said is what the program has written to standard error.
func (p *Program) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Signal sends a signal and, if it is one that ends it, waits for the end.
func (p *Program) Signal(s syscall.Signal) {
	p.Helper()
	_ = p.command.Process.Signal(s)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.Errorf("%s did not end at %s", p.name, s)
		_ = p.command.Process.Kill()
	}
}

// Get asks one of the program's pages.
func (p *Program) Get(page string) (status int, body string) {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	if address == "" {
		return 0, "it has not said where it listens"
	}
	request, err := http.NewRequestWithContext(p.Context(), http.MethodGet, "http://"+address+page, http.NoBody)
	if err != nil {
		return 0, err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// Ready waits until the program says that it is.
func (p *Program) Ready() *Program {
	p.Helper()
	installationtest.Eventually(p.T, func() error {
		select {
		case <-p.exited:
			p.Fatalf("%s ended instead of getting ready:\n%s", p.name, p.Said())
		default:
		}
		if status, body := p.Get("/readyz"); status != http.StatusOK {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
	return p
}

// Unready waits until the program says that it cannot do its work.
func (p *Program) Unready() {
	p.Helper()
	installationtest.Eventually(p.T, func() error {
		if status, body := p.Get("/readyz"); status != http.StatusServiceUnavailable {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
}

// Value returns the value of a metric that has no labels.
func (p *Program) Value(name string) float64 {
	p.Helper()
	_, body := p.Get("/metrics")
	for line := range strings.Lines(body) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				p.Fatalf("%s: %v", name, err)
			}
			return value
		}
	}
	p.Fatalf("/metrics has no %s", name)
	return 0
}

// Shows fails unless the metrics hold a line, and the other pages answer.
func (p *Program) Shows(line string) {
	p.Helper()
	installationtest.Eventually(p.T, func() error {
		if _, body := p.Get("/metrics"); !strings.Contains(body, line+"\n") {
			return fmt.Errorf("/metrics has no line %s", line)
		}
		return nil
	})
	if status, body := p.Get("/livez"); status != http.StatusOK {
		p.Errorf("/livez: %d %s", status, body)
	}
	for _, page := range []string{"heap", "goroutine", "profile?seconds=1", "trace?seconds=1"} {
		if status, body := p.Get("/debug/pprof/" + page); status != http.StatusOK || body == "" {
			p.Errorf("/debug/pprof/%s: %d, %d bytes", page, status, len(body))
		}
	}
}
