package main

import (
	"os"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/dashboards/installationtest"
	"tajdeed/deploy/local"
)

func TestMain(m *testing.M) {
	switch {
	case local.ChildMain(os.Args): // a server of a test
	case commandtest.IsProgram():
		main()
	default:
		os.Exit(m.Run())
	}
}

// ask runs a command as a person does and returns what it prints and its exit code.
func ask(t *testing.T, c *cli.Command, args ...string) (out string, code int) {
	t.Helper()
	out, _, err := commandtest.Run(t, c, "", args...)
	if err != nil {
		t.Logf("%s: %v", c.Name, err)
	}
	return out, commandtest.Code(err)
}

// asked runs a command that must succeed.
func asked(t *testing.T, c *cli.Command, args ...string) string {
	t.Helper()
	out, code := ask(t, c, args...)
	if code != command.ExitDone {
		t.Fatalf("%s %q: exit code %d", c.Name, args, code)
	}
	return out
}

// stores are an installation of one test's own, whose stages are processes.
type stores struct{ *installationtest.Installation }

// newStores returns stores on the servers of the test run.
func newStores(t *testing.T) *stores {
	t.Helper()
	return &stores{installationtest.New(t)}
}

// renewals starts a worker that decides.
func (s *stores) renewals(args ...string) *commandtest.Program {
	s.Helper()
	return commandtest.Start(s.T, append([]string{"renewals", "--brokers", strings.Join(s.Brokers, ","), "--topics", s.Topics.Prefix,
		"--group", s.Topics.Prefix + ".renewals", "--postgres", s.PostgresURL, "--session-timeout", "6s"}, args...)...)
}

// analytics starts a process of the stage analytics.
func (s *stores) analytics() *commandtest.Program {
	s.Helper()
	return commandtest.Start(s.T, "analytics", "--brokers", strings.Join(s.Brokers, ","), "--topics", s.Topics.Prefix,
		"--group", s.Topics.Prefix+".analytics", "--clickhouse", s.ClickHouseURL, "--pseudonym-key", installationtest.PseudonymKey, "--session-timeout", "6s", "--batch-age", "50ms")
}
