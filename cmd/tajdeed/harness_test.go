package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tajdeed/dashboards/installationtest"
	"tajdeed/deploy/local"
)

// asProgram makes the test's binary be tajdeed itself, so that a test can start it,
// kill it and read what it prints.
const asProgram = "TAJDEED_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if local.ChildMain(os.Args) {
		return
	}
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running tajdeed.
type program struct {
	*testing.T
	name    string
	command *exec.Cmd
	exited  chan struct{}

	mu      sync.Mutex
	log     bytes.Buffer
	address string // of its pages, once it has said so
}

// tajdeed returns a command that has not started.
func tajdeed(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// start starts a long-running subcommand and stops it when the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{T: t, name: args[0], exited: make(chan struct{})}
	p.command = tajdeed(context.WithoutCancel(t.Context()), append(args, "--listen", "127.0.0.1:0")...)
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
		p.signal(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.said())
		}
	})
	return p
}

// read keeps what the program says, and finds its address there.
func (p *program) read(stderr io.Reader) {
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

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// signal sends a signal and, if it is one that ends it, waits for the end.
func (p *program) signal(s syscall.Signal) {
	p.Helper()
	_ = p.command.Process.Signal(s)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.Errorf("%s did not end at %s", p.name, s)
		_ = p.command.Process.Kill()
	}
}

// get asks one of the program's pages.
func (p *program) get(page string) (status int, body string) {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	if address == "" {
		return 0, "it has not said where it listens"
	}
	response, err := http.Get("http://" + address + page)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// ready waits until the program says that it is.
func (p *program) ready() *program {
	p.Helper()
	installationtest.Eventually(p.T, func() error {
		select {
		case <-p.exited:
			p.Fatalf("%s ended instead of getting ready:\n%s", p.name, p.said())
		default:
		}
		if status, body := p.get("/readyz"); status != http.StatusOK {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
	return p
}

// unready waits until the program says that it cannot do its work.
func (p *program) unready() {
	p.Helper()
	installationtest.Eventually(p.T, func() error {
		if status, body := p.get("/readyz"); status != http.StatusServiceUnavailable {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
}

// stores are an installation of one test's own, whose stages are processes.
type stores struct{ *installationtest.Installation }

// newStores returns stores on the servers of the test run.
func newStores(t *testing.T) *stores {
	t.Helper()
	return &stores{installationtest.New(t)}
}

// renewals starts a worker that decides.
func (s *stores) renewals(args ...string) *program {
	s.Helper()
	return start(s.T, append([]string{"renewals", "--brokers", strings.Join(s.Brokers, ","), "--topics", s.Prefix,
		"--group", s.Prefix + ".renewals", "--postgres", s.PostgresURL, "--session-timeout", "6s"}, args...)...)
}

// analytics starts a sink.
func (s *stores) analytics() *program {
	s.Helper()
	return start(s.T, "analytics", "--brokers", strings.Join(s.Brokers, ","), "--topics", s.Prefix,
		"--group", s.Prefix+".analytics", "--clickhouse", s.ClickHouseURL, "--pseudonym-key", installationtest.PseudonymKey, "--session-timeout", "6s", "--batch-age", "50ms")
}
