package worker

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/installationtest"
)

func TestMain(m *testing.M) {
	if Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// child is a worker process of a test.
type child struct {
	*testing.T
	command *exec.Cmd
	lines   *bufio.Scanner // of its log
	log     strings.Builder
}

// start starts a copy of the test's program with arguments and an environment.
func start(t *testing.T, args, env []string) *child {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{T: t, command: exec.Command(program, args...)}
	c.command.Env = append(os.Environ(), env...)
	log, err := c.command.StderrPipe()
	if err == nil {
		c.lines, err = bufio.NewScanner(log), c.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.command.Process.Kill() }) // fails only where it has ended
	return c
}

// logs reads the log up to a line that contains a text.
func (c *child) logs(text string) {
	c.Helper()
	for c.lines.Scan() {
		c.log.WriteString(c.lines.Text() + "\n")
		if strings.Contains(c.lines.Text(), text) {
			return
		}
	}
	c.Errorf("%v does not log %q:\n%s", c.command.Args[1:], text, c.log.String())
}

// ends waits for the process's end and checks its exit code.
func (c *child) ends(code int) {
	c.Helper()
	for c.lines.Scan() {
		c.log.WriteString(c.lines.Text() + "\n")
	}
	_ = c.command.Wait() // the exit code says more
	if got := c.command.ProcessState.ExitCode(); got != code {
		c.Errorf("%v ended with exit code %d, want %d:\n%s", c.command.Args[1:], got, code, c.log.String())
	}
}

func (c *child) terminate() {
	c.Helper()
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		c.Error(err)
	}
}

func env(t *testing.T, i Installation) []string {
	t.Helper()
	env, err := i.Env()
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// Each stage works as a process of its own, and ends with exit code 0 at SIGTERM.
func TestMainRunsAStage(t *testing.T) {
	t.Parallel()
	i := installationtest.New(t)
	const messages = 200
	simulation := i.Populate(500)
	installation := env(t, Installation{
		Brokers: i.Brokers, Prefix: i.Topics.Prefix, PostgresURL: i.PostgresURL, ClickHouseURL: i.ClickHouseURL,
		Groups:       map[string]string{renewals.Name: i.Group(renewals.Name), analytics.Name: i.Group(analytics.Name)},
		PseudonymKey: installationtest.PseudonymKey, SessionTimeout: 6 * time.Second,
	})
	var children []*child
	for _, stage := range []string{renewals.Name, analytics.Name} {
		children = append(children, start(t, []string{stage}, installation))
	}
	i.Publish(simulation, messages)
	i.Drained(messages)
	for _, c := range children {
		c.terminate()
	}
	for _, c := range children {
		c.ends(0)
	}
}

// A process that is told to stop while it waits for a store has done nothing wrong.
func TestMainIsStoppedWhileItWaits(t *testing.T) {
	t.Parallel()
	c := start(t, []string{renewals.Name}, env(t, Installation{PostgresURL: "postgres://127.0.0.1:1/nothing", Wait: time.Hour}))
	c.logs("waiting for Postgres")
	c.terminate()
	c.ends(0)
}

func TestMainFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		env    []string
		logged string
	}{
		"an unknown stage": {[]string{"audits"}, env(t, Installation{}), "audits"},
		"no stage":         {nil, env(t, Installation{}), "one argument"},
		"two stages":       {[]string{renewals.Name, analytics.Name}, env(t, Installation{}), "one argument"},
		"no JSON":          {[]string{renewals.Name}, []string{variable + "=soon"}, variable},
		"no pseudonym key": {[]string{analytics.Name}, env(t, Installation{}), "pseudonym"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, test.args, test.env)
			c.logs(test.logged)
			c.ends(1)
		})
	}
}

// In a process that is no worker, Main does nothing.
func TestMainOfAnotherProcess(t *testing.T) {
	t.Parallel()
	if Main([]string{"program", renewals.Name}) {
		t.Error("this process is taken for a worker")
	}
}

func ExampleInstallation_Env() {
	env, err := Installation{Brokers: []string{"127.0.0.1:9092"}, Prefix: "tajdeed", PostgresURL: "postgres://127.0.0.1/tajdeed"}.Env()
	name, _, _ := strings.Cut(strings.Join(env, " "), "=")
	fmt.Println(len(env), name, err)
	// Output: 1 TAJDEED_WORKER <nil>
}
