package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/cmd/command/commandtest"
	"tajdeed/dashboards/policies"
	"tajdeed/dashboards/text/texttest"
)

// policyFolder returns a directory with the built-in policies, of which one is changed.
func policyFolder(t *testing.T, old, changed string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"957-2019.json", "2249-2025.json"} {
		content := strings.Replace(texttest.Read(t, "../../schema/policy/"+name), old, changed, 1)
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// policyJSON asks for JSON and reads it.
func policyJSON[T any](t *testing.T, args ...string) (into T) {
	t.Helper()
	if err := json.Unmarshal([]byte(asked(t, policyCommand(), append(args, "--json")...)), &into); err != nil {
		t.Fatal(err)
	}
	return into
}

func TestPolicyShow(t *testing.T) {
	t.Parallel()
	if s := policyJSON[policies.Shown](t, "show", "--at", "2025-01-04"); !strings.HasPrefix(s.Version, "957-2019@3+") || s.Until != "2025-01-04" {
		t.Errorf("on the last day of 957/2019: %s until %s", s.Version, s.Until)
	}
	if s := policyJSON[policies.Shown](t, "show"); s.Day < "2026" || s.Version == "" {
		t.Errorf("today: %s on %s", s.Version, s.Day)
	}
	folder := policyFolder(t, `"fils_per_year": 500000`, `"fils_per_year": 400000`)
	s := policyJSON[policies.Shown](t, "show", "--at", "2026-01-01", "--article", "24", "--policy", folder)
	if fee := s.Values[len(s.Values)-1]; s.Article != 24 || fee.Path != "fees[article=24].fils_per_year" || fee.Value != "400000" {
		t.Errorf("of a directory: %+v", fee)
	}
	if out := asked(t, policyCommand(), "show", "--at", "2026-01-01"); !strings.HasPrefix(out, "Policy 2249-2025@3+") {
		t.Errorf("told to a person:\n%s", out)
	}
}

func TestPolicyDiff(t *testing.T) {
	t.Parallel()
	folder := policyFolder(t, `"fils_per_year": 500000`, `"fils_per_year": 400000`)
	same := policyFolder(t, "", "")
	version := policyJSON[policies.Shown](t, "show", "--at", "2026-01-01").Version
	for _, c := range []struct {
		name, a, b string
		changes    []int // by comparison; -1 is several
	}{
		{"versions", "957-2019@3", version, []int{-1}},
		{"the same version", version, "2249-2025@3", []int{0}},
		{"days of one policy", "2025-12-23", "2026-06-01", []int{0}},
		{"days of two", "2025-12-22", "2025-12-23", []int{-1}},
		{"directories", same, folder, []int{0, 1}},
		{"a version and a directory", "2249-2025@3", folder, []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := policyJSON[policies.Diff](t, "diff", c.a, c.b)
			if len(d.Comparisons) != len(c.changes) {
				t.Fatalf("%d comparisons, want %d", len(d.Comparisons), len(c.changes))
			}
			for i, want := range c.changes {
				if n := len(d.Comparisons[i].Changes); n != want && (want >= 0 || n < 2) {
					t.Errorf("comparison %d: %d changes, want %d", i, n, want)
				}
			}
		})
	}
	if out := asked(t, policyCommand(), "diff", "2026-01-01", "2026-06-01"); !strings.Contains(out, "no difference") {
		t.Errorf("told to a person:\n%s", out)
	}
}

func TestPolicyCheck(t *testing.T) {
	t.Parallel()
	if out := asked(t, policyCommand(), "check", policyFolder(t, "", "")); !strings.HasSuffix(out, "\nok\n") {
		t.Errorf("of what is in order:\n%s", out)
	}
	out, code := ask(t, policyCommand(), "check", policyFolder(t, `"fils_per_year": 500000`, `"fils_per_year": -1`))
	if code != command.ExitRefused || !strings.HasPrefix(out, "2249-2025.json:49: fees[17] (rule FEE-24): ") {
		t.Errorf("of a bad fee: exit code %d, and\n%s", code, out)
	}
	if _, code := ask(t, policyCommand(), "check", t.TempDir()); code != command.ExitRefused {
		t.Errorf("of an empty directory: exit code %d", code)
	}
}

func TestPolicyCoverage(t *testing.T) {
	t.Parallel()
	states := map[string]int{}
	for _, r := range policyJSON[policies.Coverage](t, "coverage").Rules {
		states[string(r.State)]++
	}
	if states["implemented"] == 0 || states["elsewhere"] == 0 || states["not_yet"] == 0 || len(states) != 3 {
		t.Errorf("states %v", states)
	}
	if out := asked(t, policyCommand(), "coverage"); !strings.Contains(out, "How many are implemented") {
		t.Errorf("told to a person:\n%s", out)
	}
}

func TestPolicyExitCodes(t *testing.T) {
	t.Parallel()
	bad := policyFolder(t, `"fils_per_year": 500000`, `"fils_per_year": -1`)
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"no subcommand, its help", nil, command.ExitDone},
		{"no such subcommand", []string{"change"}, command.ExitUsage},
		{"show: no day", []string{"show", "--at", "tomorrow"}, command.ExitUsage},
		{"show: no day of the calendar", []string{"show", "--at", "2026-02-30"}, command.ExitUsage},
		{"show: an empty day", []string{"show", "--at", ""}, command.ExitUsage},
		{"show: article 0", []string{"show", "--article", "0"}, command.ExitUsage},
		{"show: article 256", []string{"show", "--article", "256"}, command.ExitUsage},
		{"show: an article that is no number", []string{"show", "--article", "x"}, command.ExitUsage},
		{"show: an argument", []string{"show", "2026-01-01"}, command.ExitUsage},
		{"show: before the first policy", []string{"show", "--at", "2019-12-31"}, command.ExitFailed},
		{"show: an article that is not renewed", []string{"show", "--article", "14"}, command.ExitFailed},
		{"show: a bad directory", []string{"show", "--policy", bad}, command.ExitRefused},
		{"diff: one argument", []string{"diff", "2026-01-01"}, command.ExitUsage},
		{"diff: three arguments", []string{"diff", "2026-01-01", "2026-01-02", "2026-01-03"}, command.ExitUsage},
		{"diff: an unknown version", []string{"diff", "2026-01-01", "1-2030@1"}, command.ExitUsage},
		{"diff: a day before the first policy", []string{"diff", "2019-12-31", "2026-01-01"}, command.ExitFailed},
		{"diff: a bad directory", []string{"diff", "2026-01-01", bad}, command.ExitRefused},
		{"diff: they differ", []string{"diff", "2025-12-22", "2025-12-23"}, command.ExitDone},
		{"check: no directory", []string{"check"}, command.ExitUsage},
		{"check: two", []string{"check", bad, bad}, command.ExitUsage},
		{"check: a file", []string{"check", "policy.go"}, command.ExitUsage},
		{"check: a bad directory", []string{"check", bad}, command.ExitRefused},
		{"coverage: an argument", []string{"coverage", "FEE-17"}, command.ExitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, code := ask(t, policyCommand(), c.args...); code != c.want {
				t.Errorf("exit code %d, want %d", code, c.want)
			}
		})
	}
}

// An error names the flag or the argument that is wrong, and what is allowed or the rule.
func TestPolicyErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"show", "--at", "tomorrow"}, []string{"--at", `"tomorrow"`, "YYYY-MM-DD"}},
		{[]string{"show", "--at", "2019-12-31"}, []string{"--at", "2019-12-31", "2020-01-01", "rule E1"}},
		{[]string{"show", "--article", "300"}, []string{"--article", "300", "1 to 255"}},
		{[]string{"show", "--article", "14"}, []string{"--article", "14", "17, 18"}},
		{[]string{"diff", "1-2030@1", "2026-01-01"}, []string{`"1-2030@1"`, "957-2019@3+"}},
		{[]string{"check", "nowhere"}, []string{`"nowhere"`, "no directory"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			_, _, err := commandtest.Run(t, policyCommand(), "", c.args...)
			for _, says := range c.says {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%v, want %q in it", err, says)
				}
			}
		})
	}
}

// The help of every subcommand has an example.
func TestPolicyHelp(t *testing.T) {
	t.Parallel()
	for _, sub := range policyCommand().Commands {
		if !strings.Contains(sub.Description, "\n   tajdeed policy "+sub.Name) {
			t.Errorf("%s has no example", sub.Name)
		}
	}
}
