package stats

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/dashboards/text/texttest"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
)

// at reads a time in Kuwait.
func at(s string) time.Time {
	t, err := time.ParseInLocation("2006-01-02T15:04", s, schema.Kuwait)
	if err != nil {
		panic(err)
	}
	return t
}

// span asks for the days of the hand-made decisions, see decided.
func span() Question { return Question{Since: at("2024-11-03T00:00"), Until: at("2024-11-05T00:00")} }

func TestReport(t *testing.T) {
	t.Parallel()
	db := decided(t)
	byDay, nothing := span(), Question{Since: at("2024-12-01T00:00"), Until: at("2024-12-02T12:30")}
	byDay.By, byDay.Sections = "day", []string{"throughput"}
	for name, q := range map[string]Question{"report.txt": span(), "by-day.txt": byDay, "nothing.txt": nothing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texttest.Golden(t, name, ask(t, db, q).Text())
		})
	}
}

// ask asks and fails the test where that fails.
func ask(t *testing.T, db driver.Conn, q Question) *Report {
	t.Helper()
	report, err := Ask(t.Context(), db, q)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// asJSON returns what a report's JSON says.
func asJSON[T any](t *testing.T, report *Report) (into T) {
	t.Helper()
	var out strings.Builder
	if err := report.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out.String()), &into); err != nil {
		t.Fatal(err)
	}
	return into
}

// A report with every reason, and with figures as wide as a year makes them, fits a terminal.
func TestReportFitsWhateverTheReason(t *testing.T) {
	t.Parallel()
	busy := Totals{Messages: 450_000, First: 450_000, Resend: 99_999, Conflict: 99_999, Approved: 450_000, Rejected: 450_000}
	s := &Report{By: "day", Totals: busy, Throughput: []Throughput{{Totals: busy}}, sections: Sections()}
	for _, channel := range schema.DefaultChannels() {
		s.Applications = append(s.Applications, Application{Article: 18, Channel: string(channel), Outcome: "approved", First: 75_000, Resend: 9_999, FeesFils: 1_500_000_000})
	}
	for _, reason := range schema.AllReasons() {
		s.Reasons = append(s.Reasons, Reason{Reason: reason.Code(), First: 450_000})
	}
	explain(s.Reasons)
	texttest.Fits(t, s.Text())
}

// A simulation's report says that it is one.
func TestSimulation(t *testing.T) {
	t.Parallel()
	db, now := opened(t), time.Now()
	q := Question{Since: now.Add(-24 * time.Hour), Until: now}
	if report := ask(t, db, q); report.Simulation || strings.Contains(report.Text(), "SIMULATION") {
		t.Error("it is none")
	}
	if err := clickhouse.Simulate(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if report := ask(t, db, q); !report.Simulation || !strings.Contains(report.Text(), "SIMULATION") {
		t.Error("the report does not say so")
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	db, now := opened(t), time.Now()
	q := Question{Since: now.Add(-24 * time.Hour), Until: now}
	report := ask(t, db, q).Text()
	if !strings.Contains(report, "no decision has reached it yet") || !strings.Contains(report, "The year's pace") {
		t.Errorf("report of an empty database:\n%s", report)
	}
	answer := asJSON[map[string]any](t, ask(t, db, q))
	for _, section := range []string{"throughput", "applications", "reasons", "unreadable", "latency_ms"} {
		if rows, ok := answer[section].([]any); !ok || len(rows) != 0 {
			t.Errorf("%s of an empty database: %v, want an empty list", section, answer[section])
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	s := asJSON[Report](t, ask(t, decided(t), span()))
	if want := (Totals{Messages: 8, First: 5, Resend: 2, Conflict: 1, Approved: 3, Rejected: 2}); s.Totals != want {
		t.Errorf("totals %+v, want %+v", s.Totals, want)
	}
	if start := s.Throughput[0].Start.Format(time.RFC3339); len(s.Throughput) != 3 || start != "2024-11-03T23:00:00+03:00" {
		t.Errorf("%d hours from %s, want 3 from 2024-11-03T23:00:00+03:00", len(s.Throughput), start)
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

func TestJSONOfOneSection(t *testing.T) {
	t.Parallel()
	q := span()
	q.Sections = []string{"pace"}
	answer := asJSON[map[string]any](t, ask(t, decided(t), q))
	for _, key := range []string{"throughput", "applications", "reasons", "latency_ms"} {
		if _, there := answer[key]; there {
			t.Errorf("%s is there, although only pace was asked for", key)
		}
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	db := decided(t)
	for section, want := range map[string][]string{
		"throughput":   {"start,messages,first,resend,conflict,approved,rejected", "2024-11-03T23:00:00+03:00,1,1,0,0,1,0", "2024-11-04T00:00:00+03:00,4,2,1,1,1,1", "2024-11-04T10:00:00+03:00,3,2,1,0,1,1"},
		"applications": {"article,channel,outcome,first,resend,conflict,fees_fils", "18,mobile_app,approved,2,0,0,40000"},
		"reasons":      {"reason,first,resend,conflict,en,ar", "fee_mismatch,2,1,0,The amount paid is not what this renewal costs: the fee, and the fine of a late renewal.,المبلغ المدفوع لا يساوي تكلفة هذا التجديد: الرسوم، وغرامة التأخير إن وجدت."},
		"unreadable":   {"channel,rule,messages", "counter,bad_format,2", "counter,oversize,1", "mobile_app,bad_format,1"},
		"latency":      {"stage,messages,p50_ms,p90_ms,p99_ms,max_ms", "received_to_decided,8,30,1000,1000,1000"},
		"pace":         {"span,applications,target,share", "hour,0,51.36986301369863,0"},
	} {
		t.Run(section, func(t *testing.T) {
			t.Parallel()
			q := span()
			q.Sections = []string{section}
			var out strings.Builder
			if err := ask(t, db, q).WriteCSV(&out); err != nil {
				t.Fatal(err)
			}
			lines, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
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

// The report says up to when it is complete: the earliest of the positions that the stage
// analytics has written down, and nothing until each partition was read.
func TestCompleteUpTo(t *testing.T) {
	t.Parallel()
	db, now := opened(t), time.Now()
	q := Question{Since: now.Add(-time.Hour), Until: now}
	for _, c := range []struct{ position, text, upTo string }{
		{"", "Complete up to: unknown, the stage analytics has not said how far it is\n", ""},
		{`('t.decisions.counter', 0, 7, '2024-11-04 11:00:05', 2, '2024-11-04 11:00:06')`, "Complete up to: unknown, the stage analytics has been in 1 of 2 partitions\n", ""},
		{`('t.decisions.mobile_app', 0, 9, '2024-11-04 11:00:03.5', 2, '2024-11-04 11:00:06')`, "Complete up to 2024-11-04 11:00:03: every decision published before is in\n", "2024-11-04T11:00:03.5+03:00"},
	} {
		if c.position != "" {
			if err := db.Exec(t.Context(), `INSERT INTO sink_position VALUES `+c.position); err != nil {
				t.Fatal(err)
			}
		}
		if report := ask(t, db, q).Text(); !strings.Contains(report, c.text) {
			t.Errorf("the report lacks %q:\n%s", c.text, report)
		}
		s := asJSON[Report](t, ask(t, db, q))
		upTo := ""
		if s.Complete.UpTo != nil {
			upTo = s.Complete.UpTo.Format(time.RFC3339Nano)
		}
		if upTo != c.upTo {
			t.Errorf("after %s JSON says %q, want %q", c.position, upTo, c.upTo)
		}
	}
}

func TestQuestionsThatAreRefused(t *testing.T) {
	t.Parallel()
	begin, end := at("2026-11-23T00:00"), at("2026-11-24T00:00")
	for name, q := range map[string]Question{
		"backwards": {Since: end, Until: begin},
		"empty":     {Since: begin, Until: begin},
		"step":      {Since: begin, Until: end, By: "week"},
		"section":   {Since: begin, Until: end, Sections: []string{"pace", "secrets"}},
	} {
		if err := q.Validate(); err == nil {
			t.Errorf("%s is not refused", name)
		}
		if _, err := Ask(t.Context(), nil, q); err == nil {
			t.Errorf("%s is asked", name)
		}
	}
}

// opened returns a database of the test's own.
func opened(t *testing.T) driver.Conn {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: clickhousetest.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// decided returns a database with the hand-made decisions of the views' tests.
func decided(t *testing.T) driver.Conn {
	t.Helper()
	db := opened(t)
	for _, statement := range []string{
		texttest.Read(t, "../../schema/clickhouse/testdata/decisions.sql"),
		`INSERT INTO unreadable (cause_topic, cause_offset, channel, rule, simulation, received_at) VALUES
			('t.submissions.counter', 1, 'counter', 'bad_format', false, '2024-11-03 23:10:00'),
			('t.submissions.counter', 2, 'counter', 'oversize', false, '2024-11-04 00:10:00'),
			('t.submissions.counter', 3, 'counter', 'bad_format', false, '2024-11-04 10:10:00'),
			('t.submissions.mobile_app', 1, 'mobile_app', 'bad_format', false, '2024-11-04 10:10:00'),
			('t.submissions.mobile_app', 2, 'mobile_app', 'bad_format', false, '2024-11-06 10:10:00')`,
	} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}
