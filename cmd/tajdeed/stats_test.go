package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v3"

	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// span holds the hand-made decisions of the views' tests.
var span = []string{"--since", "2024-11-03", "--until", "2024-11-05"}

func TestStatsReport(t *testing.T) {
	t.Parallel()
	url := decided(t)
	for name, args := range map[string][]string{
		"stats.txt":         span,
		"stats-by-day.txt":  slices.Concat(span, []string{"--by", "day", "--section", "throughput"}),
		"stats-nothing.txt": {"--since", "2024-12-01", "--until", "2024-12-02T12:30"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, asked(t, statsCommand(), slices.Concat(args, []string{"--clickhouse", url})...))
		})
	}
}

// TestStatsFitWhateverTheReason sets every reason that there is, in a report that is
// otherwise as wide as a year makes it.
func TestStatsFitWhateverTheReason(t *testing.T) {
	t.Parallel()
	busy := totals{Messages: 450_000, First: 450_000, Resend: 99_999, Conflict: 99_999, Approved: 450_000, Rejected: 450_000}
	s := &stats{By: "day", Totals: busy, Throughput: []throughputStats{{totals: busy}}}
	for _, channel := range schema.Channels() {
		s.Applications = append(s.Applications, applicationStats{Article: 18, Channel: channel.String(), Outcome: "approved", First: 75_000, Resend: 9_999, FeesFils: 1_500_000_000})
	}
	for _, reason := range schema.AllReasons() {
		s.Reasons = append(s.Reasons, reasonStats{Reason: reason.Code(), First: 450_000})
	}
	explain(s.Reasons)
	var report strings.Builder
	if err := printStatsText(question{sections: allSections})(&report, s); err != nil {
		t.Fatal(err)
	}
	fits(t, report.String())
}

func TestStatsOfNothing(t *testing.T) {
	t.Parallel()
	url := clickhousetest.URL(t)
	report := asked(t, statsCommand(), "--clickhouse", url)
	if !strings.Contains(report, "no decision has reached it yet") || !strings.Contains(report, "The year's pace") {
		t.Errorf("report of an empty database:\n%s", report)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(asked(t, statsCommand(), "--json", "--clickhouse", url)), &answer); err != nil {
		t.Fatal(err)
	}
	for _, section := range []string{"throughput", "applications", "reasons", "latency_ms"} {
		if rows, ok := answer[section].([]any); !ok || len(rows) != 0 {
			t.Errorf("%s of an empty database: %v, want an empty list", section, answer[section])
		}
	}
}

func TestStatsJSON(t *testing.T) {
	t.Parallel()
	url := decided(t)
	var s stats
	if err := json.Unmarshal([]byte(asked(t, statsCommand(), slices.Concat(span, []string{"--json", "--clickhouse", url})...)), &s); err != nil {
		t.Fatal(err)
	}
	if want := (totals{Messages: 8, First: 5, Resend: 2, Conflict: 1, Approved: 3, Rejected: 2}); s.Totals != want {
		t.Errorf("totals %+v, want %+v", s.Totals, want)
	}
	if at := s.Throughput[0].Start.Format(time.RFC3339); len(s.Throughput) != 3 || at != "2024-11-03T23:00:00+03:00" {
		t.Errorf("%d hours from %s, want 3 from 2024-11-03T23:00:00+03:00", len(s.Throughput), at)
	}
	if r := s.Reasons[0]; r.Reason != "fee_mismatch" || r.First != 2 || r.Resend != 1 || r.English == "" || r.Arabic == "" {
		t.Errorf("first reason %+v, want fee_mismatch, 2 first and 1 resend, in two languages", r)
	}
	if l := s.Latency[0]; l.Stage != "received_to_decided" || l.Messages != 8 || l.P50 != 30 || l.P99 != 1000 {
		t.Errorf("first latency %+v, want received_to_decided, 8 messages, p50 30, p99 1000", l)
	}
	if len(s.Applications) != 5 || len(s.Pace) != 3 {
		t.Errorf("%d places and %d paces, want 5 and 3", len(s.Applications), len(s.Pace))
	}
}

func TestStatsJSONOfOneSection(t *testing.T) {
	t.Parallel()
	var answer map[string]any
	out := asked(t, statsCommand(), slices.Concat(span, []string{"--json", "--section", "pace", "--clickhouse", decided(t)})...)
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"throughput", "applications", "reasons", "latency_ms"} {
		if _, there := answer[key]; there {
			t.Errorf("%s is there, but pace alone was asked for", key)
		}
	}
}

func TestStatsCSV(t *testing.T) {
	t.Parallel()
	url := decided(t)
	for section, want := range map[string][]string{
		"throughput":   {"start,messages,first,resend,conflict,approved,rejected", "2024-11-03T23:00:00+03:00,1,1,0,0,1,0", "2024-11-04T00:00:00+03:00,4,2,1,1,1,1", "2024-11-04T10:00:00+03:00,3,2,1,0,1,1"},
		"applications": {"article,channel,outcome,first,resend,conflict,fees_fils", "18,mobile_app,approved,2,0,0,40000"},
		"reasons":      {"reason,first,resend,conflict,en,ar", "fee_mismatch,2,1,0,The amount paid is not the fee for this renewal.,المبلغ المدفوع لا يساوي رسوم هذا التجديد."},
		"latency":      {"stage,messages,p50_ms,p90_ms,p99_ms,max_ms", "received_to_decided,8,30,1000,1000,1000"},
		"pace":         {"span,applications,target,share", "hour,0,51.36986301369863,0"},
	} {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			out := asked(t, statsCommand(), slices.Concat(span, []string{"--csv", "--section", section, "--clickhouse", url})...)
			lines, err := csv.NewReader(strings.NewReader(out)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range want {
				if got := strings.Join(lines[i], ","); got != line {
					t.Errorf("line %d: %s, want %s", i+1, got, line)
				}
			}
		})
	}
}

// The report says up to when it holds: the least of what the sinks wrote down, and
// nothing before each partition was read.
func TestStatsCompleteUpTo(t *testing.T) {
	t.Parallel()
	url := clickhousetest.URL(t)
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, c := range []struct{ position, text, upTo string }{
		{"", "Complete up to: unknown, no sink has said how far it is\n", ""},
		{`(0, 7, '2024-11-04 11:00:05', 2)`, "Complete up to: unknown, the sink has been in 1 of 2 partitions\n", ""},
		{`(1, 9, '2024-11-04 11:00:03.5', 2)`, "Complete up to 2024-11-04 11:00:03: every decision published before is in\n", "2024-11-04T11:00:03.5+03:00"},
	} {
		if c.position != "" {
			if err := db.Exec(t.Context(), `INSERT INTO sink_position VALUES `+c.position); err != nil {
				t.Fatal(err)
			}
		}
		if report := asked(t, statsCommand(), "--clickhouse", url); !strings.Contains(report, c.text) {
			t.Errorf("the report lacks %q:\n%s", c.text, report)
		}
		var s stats
		if err := json.Unmarshal([]byte(asked(t, statsCommand(), "--json", "--section", "pace", "--clickhouse", url)), &s); err != nil {
			t.Fatal(err)
		}
		upTo := ""
		if s.Complete.UpTo != nil {
			upTo = s.Complete.UpTo.Format(time.RFC3339Nano)
		}
		if upTo != c.upTo {
			t.Errorf("after %s JSON says %q, want %q", c.position, upTo, c.upTo)
		}
	}
}

func TestStatsUsage(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"unit":           {"--last", "7x"},
		"negative":       {"--last", "-1h"},
		"days":           {"--last", "7.5d"},
		"time":           {"--since", "yesterday"},
		"backwards":      {"--since", "2026-11-24", "--until", "2026-11-23"},
		"two beginnings": {"--since", "2026-11-24", "--last", "1h"},
		"step":           {"--by", "week"},
		"section":        {"--section", "secrets"},
		"two forms":      {"--json", "--csv"},
		"argument":       {"everything"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, code := ask(t, statsCommand(), args...); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
		})
	}
}

// decided returns a database with the views' hand-made decisions.
func decided(t *testing.T) string {
	t.Helper()
	url := clickhousetest.URL(t)
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Exec(t.Context(), readText(t, "../../schema/clickhouse/testdata/decisions.sql")); err != nil {
		t.Fatal(err)
	}
	return url
}

// ask runs a command as a person does and returns what it prints and its exit code.
func ask(t *testing.T, command *cli.Command, args ...string) (out string, code int) {
	t.Helper()
	var buffer bytes.Buffer
	root := &cli.Command{Name: "tajdeed", Writer: &buffer, ErrWriter: io.Discard, Commands: []*cli.Command{command}}
	root.ExitErrHandler = rootCommand().ExitErrHandler
	refuseUsage(root)
	err := root.Run(t.Context(), slices.Concat([]string{"tajdeed", command.Name}, args))
	var coded cli.ExitCoder
	switch {
	case errors.As(err, &coded):
		code = coded.ExitCode()
	case err != nil:
		code = exitFailed
	}
	if err != nil {
		t.Logf("%s: %v", command.Name, err)
	}
	return buffer.String(), code
}

// asked runs a command that must succeed.
func asked(t *testing.T, command *cli.Command, args ...string) string {
	t.Helper()
	out, code := ask(t, command, args...)
	if code != exitDone {
		t.Fatalf("%s %q: exit code %d", command.Name, args, code)
	}
	return out
}

// fits holds a report to 100 columns.
func fits(t *testing.T, report string) {
	t.Helper()
	for line := range strings.Lines(report) {
		if width := text.StringWidthWithoutEscSequences(strings.TrimSuffix(line, "\n")); width > 100 || !utf8.ValidString(line) {
			t.Errorf("a line is %d columns wide: %s", width, line)
		}
	}
}

// golden compares a report with the file that holds it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	fits(t, got)
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readText(t, path); got != want {
		t.Errorf("the report is not %s (-update writes it anew):\n%s", path, got)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
