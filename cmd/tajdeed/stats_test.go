package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tajdeed/cmd/command"
	"tajdeed/dashboards/stats"
	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
)

// The flags ask what they say, and the answer comes in the form that they ask for.
func TestStatsFlags(t *testing.T) {
	t.Parallel()
	url := clickhousetest.URL(t)
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Exec(t.Context(), texttest.Read(t, "../../schema/clickhouse/testdata/decisions.sql")); err != nil {
		t.Fatal(err)
	}
	at := []string{"--since", "2024-11-03", "--until", "2024-11-04T23:30", "--clickhouse", url}
	var report stats.Report
	if err := json.Unmarshal([]byte(asked(t, statsCommand(), append(at, "--json", "--by", "day")...)), &report); err != nil {
		t.Fatal(err)
	}
	since, until := report.Since.Format("2006-01-02T15:04-07:00"), report.Until.Format("2006-01-02T15:04-07:00")
	if since != "2024-11-03T00:00+03:00" || until != "2024-11-05T00:00+03:00" || report.By != "day" || report.Totals.Messages != 8 {
		t.Errorf("from %s to %s by %s: %+v", since, until, report.By, report.Totals)
	}
	for _, c := range []struct{ flags, begins string }{
		{"", "Decided from 2024-11-03 00:00 to 2024-11-05 00:00, Kuwait time\n"},
		{"--csv", "start,messages,first,"},
		{"--csv --section pace", "span,applications,"},
	} {
		if out := asked(t, statsCommand(), append(at, strings.Fields(c.flags)...)...); !strings.HasPrefix(out, c.begins) {
			t.Errorf("%q prints\n%s", c.flags, out)
		}
	}
	if out := asked(t, statsCommand(), "--last", "7d", "--section", "throughput", "--clickhouse", url); !strings.Contains(out, "Nothing was decided in this span") {
		t.Errorf("the last week:\n%s", out)
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
			if _, code := ask(t, statsCommand(), args...); code != command.ExitUsage {
				t.Errorf("exit code %d, want %d", code, command.ExitUsage)
			}
		})
	}
}
