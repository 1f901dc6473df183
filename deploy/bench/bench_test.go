package bench

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/installationtest"
	"tajdeed/deploy/local"
	"tajdeed/deploy/local/localtest"
	"tajdeed/deploy/worker"
	"tajdeed/schema"
)

func TestMain(m *testing.M) {
	if local.ChildMain(os.Args) || worker.Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// One figure of each way of measuring, on servers of its own.
func TestBench(t *testing.T) {
	t.Parallel()
	names := []string{"ceiling", "naive", "renewals", "analytics", "whole", "whole-publishing", "latency-1000", "growth-residencies-20m", "growth-workers-2", "channels-6", "channels-1", "fairness", "growth-poison-1", "growth-sponsor-50", "growth-backlog"}
	result, err := Run(t.Context(), Config{
		Servers: local.Config{Data: localtest.Folder(t)}, Applications: 1000, Repeat: 1, Version: "a test's",
		Only: []string{
			"ceiling", "naive", "renewals", "analytics", "whole", "latency-1000", "growth-residencies-20m",
			"growth-workers-2", "channels", "fairness", "growth-poison-1", "growth-sponsor-50", "growth-backlog",
		},
		Progress: func(since time.Duration, step string) { t.Logf("%7.1fs %s", since.Seconds(), step) },
	})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, len(result.Figures))
	for i, f := range result.Figures {
		got[i] = f.Name
		checkFigure(t, f)
	}
	if !slices.Equal(got, names) {
		t.Errorf("measured %v, want %v", got, names)
	}
	if result.Ratios.RenewalsToCeiling == nil || result.Ratios.RenewalsToNaive == nil || result.Ratios.WholeSecondsPer450k == nil {
		t.Errorf("ratios are missing: %+v", result.Ratios)
	}
	if v := result.Versions; v.Postgres == "" || v.ClickHouse == "" || v.Tajdeed == "" || v.Kafka == "" {
		t.Errorf("versions are missing: %+v", v)
	}
	if report := result.Markdown("bench", time.Now()); !strings.Contains(report, "| growth-workers-2 |") {
		t.Errorf("the report has no row of a figure:\n%s", report)
	}
}

// When a figure fails, the result has those before it and names those that are missing.
func TestBenchAFigureFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is full")
	measure := func(err error) func(context.Context, *bench) (runResult, error) {
		return func(context.Context, *bench) (runResult, error) { return runResult{n: 1000, took: time.Second}, err }
	}
	b := &bench{repeats: 1, say: func(string) {}}
	var result Result
	err := b.measureAll(t.Context(), []figure{{"renewals", measure(nil)}, {"whole", measure(broken)}, {"latency-100", measure(nil)}}, &result)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "whole") {
		t.Errorf("the error is %v", err)
	}
	if len(result.Figures) != 1 || result.Figures[0].Name != "renewals" || len(result.Targets) == 0 {
		t.Errorf("measured %+v, targets %+v", result.Figures, result.Targets)
	}
	const said = "whole failed. Not measured: whole, latency-100"
	for _, report := range []string{result.Text(), result.Markdown("bench", time.Now())} {
		if !strings.Contains(report, said) || !strings.Contains(report, "1,000") {
			t.Errorf("the report lacks %q or the figure:\n%s", said, report)
		}
	}
}

// checkFigure checks what every figure must have; where there is /proc, also what it gives.
func checkFigure(t *testing.T, f Figure) {
	t.Helper()
	channels := 6
	if f.Name == "channels-1" {
		channels = 1
	}
	if f.Channels != channels {
		t.Errorf("%s: %d channels, want %d", f.Name, f.Channels, channels)
	}
	if f.N < 950 || f.Seconds <= 0 || f.PerSecond <= 0 {
		t.Errorf("%s: %d in %f s, %f a second", f.Name, f.N, f.Seconds, f.PerSecond)
	}
	inProcess := f.Name == "ceiling" || f.Name == "naive"
	if _, err := os.Stat("/proc/self/stat"); err == nil {
		// The ceiling writes a thousand rows in less than the kernel's clock can measure.
		if c := f.CPUSeconds; c == nil || f.Name != "ceiling" && c.Postgres+c.ClickHouse+c.Kafka <= 0 {
			t.Errorf("%s: processor time %+v", f.Name, f.CPUSeconds)
		}
		if (f.PeakRSSMB == nil) != inProcess {
			t.Errorf("%s: peak memory %v", f.Name, f.PeakRSSMB)
		}
	}
	isLatency := strings.HasPrefix(f.Name, "latency")
	if l := f.LatencyMS; (isLatency || f.Name == "fairness") != (l != nil) {
		t.Errorf("%s: latency %+v", f.Name, l)
	} else if isLatency && (l.Decided.P50 <= 0 || l.Decided.P50 > l.Decided.P99 || l.Queryable.P50 < l.Decided.P50) {
		t.Errorf("%s: latency %+v", f.Name, l)
	}
}

func TestBenchChoose(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		only    string
		want    string
		unknown string
	}{
		{"renewals", "renewals", ""},
		{"whole", "whole whole-publishing", ""},
		{"growth-workers,ceiling", "ceiling growth-workers-1 growth-workers-2 growth-workers-4", ""},
		{"growth-poison-0", "growth-poison-0", ""},
		{"channels,fairness", "channels-6 channels-1 fairness", ""},
		{"growth-poison-0.1,growth-sponsor", "growth-poison-0.1 growth-sponsor-5 growth-sponsor-50", ""},
		{"latency-100", "latency-100", ""},
		{"grow", "", "grow"},
		{"renewals,latency-", "", "latency-"},
	} {
		chosen, unknown := choose(allFigures(FullApplications), strings.Split(tc.only, ","))
		names := make([]string, len(chosen))
		for i, f := range chosen {
			names[i] = f.name
		}
		if got := strings.Join(names, " "); got != tc.want || unknown != tc.unknown {
			t.Errorf("--only %s chooses %q, unknown %q", tc.only, got, unknown)
		}
	}
	if all, _ := choose(allFigures(FullApplications), nil); len(all) != 24 {
		t.Errorf("%d figures in all", len(all))
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	for i := range 1000 {
		waits = append(waits, time.Duration(1000-i)*time.Millisecond)
	}
	if got, want := newPercentiles(waits), (Percentiles{P50: 500, P99: 990, P999: 999, Max: 1000}); got != want {
		t.Errorf("of 1 to 1,000: %+v, want %+v", got, want)
	}
	if got, want := newPercentiles([]time.Duration{time.Second}), (Percentiles{1000, 1000, 1000, 1000}); got != want {
		t.Errorf("of one: %+v, want %+v", got, want)
	}
	if got := newPercentiles(nil); got != (Percentiles{}) {
		t.Errorf("of none: %+v", got)
	}
}

func TestBenchFigure(t *testing.T) {
	t.Parallel()
	run := func(seconds, cpu int, rss int64) runResult {
		return runResult{
			n: 1000, took: time.Duration(seconds) * time.Second, rss: map[string]int64{renewals.Name: rss << 20},
			cpu: map[string]time.Duration{partTajdeed: time.Duration(cpu) * time.Second, partPublisher: time.Second},
		}
	}
	f := newFigure("x", []runResult{run(4, 40, 10), run(1, 10, 30), run(2, 20, 20)})
	if f.Seconds != 2 || f.SecondsMin != 1 || f.SecondsMax != 4 || f.PerSecond != 500 || f.Runs != 3 {
		t.Errorf("seconds of three runs: %+v", f)
	}
	if f.CPUSeconds.Tajdeed != 20 || f.CPUMicroEach.Tajdeed != 20_000 || *f.CPUSeconds.Publisher != 1 || *f.PeakRSSMB != 30 {
		t.Errorf("processor time %+v, of each %+v, memory %v", f.CPUSeconds, f.CPUMicroEach, *f.PeakRSSMB)
	}
	if f := newFigure("x", []runResult{{n: 1, took: time.Second}}); f.CPUSeconds != nil || f.PeakRSSMB != nil {
		t.Errorf("without /proc: %+v", f)
	}
}

func TestBenchTargets(t *testing.T) {
	t.Parallel()
	r := Result{Figures: []Figure{
		{Name: "whole", PerSecond: 50_000}, {Name: "renewals", PerSecond: 60}, {Name: "ceiling", PerSecond: 100},
		{Name: "naive", PerSecond: 7.5},
		{Name: "latency-1000", LatencyMS: &Latency{Decided: Percentiles{P99: 50}, Queryable: &Percentiles{P99: 1001}}},
		{Name: "channels-1", PerSecond: 100, CPUMicroEach: &CPU{Tajdeed: 10, Postgres: 10}},
		{Name: "channels-6", PerSecond: 94, CPUMicroEach: &CPU{Tajdeed: 11, Postgres: 10}},
		{Name: "fairness", LatencyMS: &Latency{Measured: 3000, Decided: Percentiles{P99: 250}}},
	}}
	r.conclude()
	var statuses []string
	for _, target := range r.Targets {
		statuses = append(statuses, target.status())
	}
	want := []string{"met", "met", "missed", "not measured", "met", "missed", "met", "missed", "not measured", "not measured", "not measured", "not measured"}
	if !slices.Equal(statuses, want) {
		t.Errorf("statuses %v, want %v", statuses, want)
	}
	if *r.Ratios.WholeSecondsPer450k != 9 || *r.Ratios.RenewalsToNaive != 8 || r.Ratios.PoisonSlowdown != nil || *r.Ratios.ChannelsLossPercent != 6 || *r.Ratios.ChannelsCPUPercent != 5 {
		t.Errorf("ratios %+v", r.Ratios)
	}
	report := r.Markdown("tajdeed-local bench --repeat 3", time.Date(2026, 3, 1, 21, 30, 0, 0, time.UTC))
	for _, part := range []string{"2026-03-02 00:30", "`tajdeed-local bench --repeat 3`", "| whole |", "| latency-1000 |", "| missed |"} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %q:\n%s", part, report)
		}
	}
}

// The residents that are added to a register have valid Civil IDs, and none is a resident
// of the simulation or an id that the simulation uses for strangers.
func TestEnlargedRegister(t *testing.T) {
	t.Parallel()
	s := installationtest.New(t)
	s.Populate(2000)
	conn, err := pgx.Connect(t.Context(), s.PostgresURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	before, err := countResidencies(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	keys := constraints(t, conn)
	const more = 100_000
	if err := enlargeTo(t.Context(), conn, before+more); err != nil {
		t.Fatal(err)
	}
	if after := constraints(t, conn); !slices.Equal(keys, after) {
		t.Errorf("the constraints were %v and are %v", keys, after)
	}
	rows, err := conn.Query(t.Context(), `SELECT civil_id FROM residency WHERE civil_id / 10 % 10000 BETWEEN 1000 AND 8999`)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(ids) != more {
		t.Fatalf("%d residencies more, want %d: %v", len(ids), more, err)
	}
	years := map[int]int{}
	for _, id := range ids {
		if err := schema.CivilID(id).Check(); err != nil {
			t.Fatalf("%d: %v", id, err)
		}
		birth, _ := schema.CivilID(id).BirthDate()
		years[birth.Time().Year()]++
	}
	for year := 1936; year < 2025; year++ {
		if n := years[year]; n < more/90/2 || n > more/90*2 {
			t.Errorf("%d were born in %d", n, year)
		}
	}
}

// constraints are the constraints of the table resident, as Postgres prints them.
func constraints(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
		FROM pg_constraint WHERE conrelid = 'resident'::regclass ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return all
}
