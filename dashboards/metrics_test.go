package dashboards

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"tajdeed/dashboards/text/texttest"
)

const (
	metricsPage   = "metrics.md"
	flowDashboard = "flow.json"
)

func TestMetricsPageIsUpToDate(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := WriteMetrics(&page); err != nil {
		t.Fatal(err)
	}
	if texttest.Update() {
		if err := os.WriteFile(metricsPage, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if page.String() != texttest.Read(t, metricsPage) {
		t.Error("dashboards/metrics.md is out of date: run `go run ./cmd/tajdeed metrics > dashboards/metrics.md`")
	}
}

func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	for _, p := range parts() {
		if err := p.register(prometheus.NewPedanticRegistry()); err != nil {
			t.Error(err)
		}
		var listed listing
		if err := p.register(&listed); err != nil {
			t.Fatal(err)
		}
		for _, collector := range listed.collectors {
			lint(t, collector)
		}
	}
}

// lint describes a metric first, which gives one with labels a value: without one it is not
// linted.
func lint(t *testing.T, collector prometheus.Collector) {
	t.Helper()
	m, err := describe(collector)
	if err != nil {
		t.Fatal(err)
	}
	if n := testutil.CollectAndCount(collector, m.name); n == 0 {
		t.Errorf("%s was not collected", m.name)
	}
	problems, err := testutil.CollectAndLint(collector)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
}

// closedLabels are the labels whose values are a closed set, or as many as there are channels,
// topics and partitions. No other label may be added here: a label with identifiers makes a series
// for every person.
var closedLabels = []string{"act", "channel", "disposition", "kind", "outcome", "partition", "reason", "rule", "topic"}

func TestMetricsHaveNoIdentifiers(t *testing.T) {
	t.Parallel()
	for _, m := range registered(t) {
		for _, label := range m.labels {
			if !slices.Contains(closedLabels, label) {
				t.Errorf("%s has the label %s, which is not known to be closed", m.name, label)
			}
		}
		if m.kind == "untyped" || m.help == "" {
			t.Errorf("%s: kind %q, help %q", m.name, m.kind, m.help)
		}
	}
}

// dashboard is the part of Grafana's format that is tested.
type dashboard struct {
	Panels []struct {
		ID          int    `json:"id"`
		Type        string `json:"type"`
		Title       string `json:"title"`
		Description string `json:"description"`
		Targets     []struct {
			Expr string `json:"expr"`
		} `json:"targets"`
	} `json:"panels"`
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(texttest.Read(t, flowDashboard)), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMetricsOfDashboardAreRegistered(t *testing.T) {
	t.Parallel()
	metrics := registered(t)
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			for _, name := range metricNames.FindAllString(target.Expr, -1) {
				m, known := metrics[strings.TrimSuffix(name, "_bucket")]
				if !known || strings.HasSuffix(name, "_bucket") != (m.kind == "histogram") {
					t.Errorf("panel %q asks for %s, which no part registers in this form", panel.Title, name)
				}
			}
		}
	}
}

// What a query names: its metrics, and the labels that it groups by or matches.
var (
	metricNames   = regexp.MustCompile(`\btajdeed_\w+`)
	groupedLabels = regexp.MustCompile(`\bby \(([^)]*)\)`)
	matchedLabels = regexp.MustCompile(`[{,]\s*(\w+)\s*[!=]`)
)

func TestMetricsOfDashboardHaveItsLabels(t *testing.T) {
	t.Parallel()
	metrics := registered(t)
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			known := []string{"instance", "le"}
			for _, name := range metricNames.FindAllString(target.Expr, -1) {
				known = append(known, metrics[strings.TrimSuffix(name, "_bucket")].labels...)
			}
			for _, label := range labelsOf(target.Expr) {
				if !slices.Contains(known, label) {
					t.Errorf("panel %q: no metric of %s has the label %s", panel.Title, target.Expr, label)
				}
			}
		}
	}
}

func labelsOf(expr string) (labels []string) {
	for _, match := range groupedLabels.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(match[1], ",") {
			labels = append(labels, strings.TrimSpace(label))
		}
	}
	for _, match := range matchedLabels.FindAllStringSubmatch(expr, -1) {
		labels = append(labels, match[1])
	}
	return labels
}

// The dashboard has one row for each part of the program, in the order of the flow. Each
// answers the same four questions.
func TestMetricsOfEveryPartAreOnTheDashboard(t *testing.T) {
	t.Parallel()
	var rows []string
	panels := map[string][]string{} // titles by row
	seen := map[int]bool{}
	for _, panel := range readDashboard(t).Panels {
		if seen[panel.ID] {
			t.Errorf("two panels have the id %d", panel.ID)
		}
		seen[panel.ID] = true
		if panel.Type == "row" {
			name, _, _ := strings.Cut(panel.Title, " ")
			rows = append(rows, name)
			continue
		}
		row := rows[len(rows)-1]
		panels[row] = append(panels[row], panel.Title)
		if panel.Description == "" {
			t.Errorf("panel %q of %s does not say how to read it", panel.Title, row)
		}
	}
	var want []string
	for _, p := range parts() {
		want = append(want, p.name)
		if asked := []string{"Rate", "Errors", "Latency", "Lag"}; len(panels[p.name]) < 4 || !slices.Equal(panels[p.name][:4], asked) {
			t.Errorf("the row of %s begins with %q, want %q", p.name, panels[p.name], asked)
		}
	}
	if !slices.Equal(rows, want) {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

// registered returns every metric by its name.
func registered(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	for _, p := range parts() {
		metrics, err := metricsOf(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range metrics {
			all[m.name] = m
		}
	}
	return all
}
