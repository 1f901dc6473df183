// Package dashboards is what operations look at: the metrics of every process, and the
// Grafana dashboard that asks for them. Its child packages tell operations, auditors and
// analysts what became of what was published.
//
// The reference of all metrics is made here from what the stages register; it contacts
// nothing. The command `tajdeed metrics` prints it.
package dashboards

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema"
)

// part is a part of the program that has metrics of its own.
type part struct {
	name, description string
	register          func(prometheus.Registerer) error
}

// parts returns all parts, in the order of the flow.
func parts() []part {
	topics := schema.Topics{Prefix: schema.DefaultPrefix}
	brokers := []string{"none:9092"}
	renewalsConfig, analyticsConfig := renewals.DefaultConfig(), analytics.DefaultConfig()
	renewalsConfig.Brokers, analyticsConfig.Brokers = brokers, brokers
	silent := slog.New(slog.DiscardHandler)
	return []part{
		{"publisher", "Every process that publishes: the simulation, submit, and both stages.",
			func(registry prometheus.Registerer) error {
				_, err := producers.NewPublisher(producers.Config{Brokers: brokers}, nil, registry)
				return err
			}},
		{renewals.Name, "The stage that decides applications and applies them to Postgres.",
			func(registry prometheus.Registerer) error {
				_, err := renewals.NewEngine(renewalsConfig, renewals.Config{Topics: topics}, nil, nil, nil, silent, registry)
				return err
			}},
		{analytics.Name, "The stage that carries decisions into ClickHouse.",
			func(registry prometheus.Registerer) error {
				_, err := analytics.NewEngine(analyticsConfig, analytics.Config{Topics: topics}, nil, silent, registry)
				return err
			}},
	}
}

// WriteMetrics writes the reference of all metrics as Markdown: a table for each part of
// the program.
func WriteMetrics(out io.Writer) error {
	var page strings.Builder
	page.WriteString(metricsHead)
	for _, p := range parts() {
		metrics, err := metricsOf(p)
		if err != nil {
			return fmt.Errorf("describe the metrics of %s: %w", p.name, err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n", p.name, p.description)
		for _, m := range metrics {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", m.name, m.kind, m.labelList(), m.help)
		}
	}
	_, err := io.WriteString(out, page.String())
	return err
}

const metricsHead = `# Metrics

Written by ` + "`tajdeed metrics`" + `; a test compares. Every process serves them at ` + "`/metrics`" + `, beside
what Go and the operating system say of it (` + "`go_*`, `process_*`" + `). Times are in seconds;
histograms of time have classic buckets for text scrapes and native ones for scrapers
that can. No label holds an identifier: every set of values is closed, or as many as
there are topics and partitions.
`

// metric is a line of the reference.
type metric struct {
	name, kind, help string
	labels           []string
}

func (m metric) labelList() string {
	list := make([]string, len(m.labels))
	for i, label := range m.labels {
		list[i] = "`" + label + "`"
	}
	return strings.Join(list, ", ")
}

// metricsOf describes the metrics that a part of the program registers, in the order of
// their names.
func metricsOf(p part) ([]metric, error) {
	var listed listing
	if err := p.register(&listed); err != nil {
		return nil, err
	}
	metrics := make([]metric, len(listed.collectors))
	for i, collector := range listed.collectors {
		var err error
		if metrics[i], err = describe(collector); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(metrics, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return metrics, nil
}

// describe gathers a collector of one metric to find its name, type, help and labels.
func describe(collector prometheus.Collector) (m metric, err error) {
	if err := giveValue(collector); err != nil {
		return m, err
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(collector); err != nil {
		return m, err
	}
	families, err := registry.Gather()
	if err != nil {
		return m, err
	}
	if len(families) != 1 {
		return m, fmt.Errorf("a collector has %d metrics, want 1", len(families))
	}
	family := families[0]
	m = metric{name: family.GetName(), kind: strings.ToLower(family.GetType().String()), help: family.GetHelp()}
	for _, label := range family.GetMetric()[0].GetLabel() {
		m.labels = append(m.labels, label.GetName())
	}
	return m, nil
}

// giveValue gives a metric with labels a value: without one it is not gathered.
func giveValue(collector prometheus.Collector) error {
	switch vec := collector.(type) {
	case *prometheus.CounterVec:
		return tryLabels(vec.GetMetricWithLabelValues)
	case *prometheus.GaugeVec:
		return tryLabels(vec.GetMetricWithLabelValues)
	case *prometheus.HistogramVec:
		return tryLabels(vec.GetMetricWithLabelValues)
	}
	return nil
}

// maxLabels is more than any of the metrics has.
const maxLabels = 8

var errLabels = errors.New("a metric has more labels than were tried")

// tryLabels finds how many labels a metric has: the library accepts exactly as many values.
func tryLabels[M any](get func(...string) (M, error)) error {
	for n := range maxLabels {
		if _, err := get(make([]string, n)...); err == nil {
			return nil
		}
	}
	return errLabels
}

// listing is a registerer that only remembers what it is given.
type listing struct{ collectors []prometheus.Collector }

// Register remembers a collector.
func (l *listing) Register(c prometheus.Collector) error {
	l.collectors = append(l.collectors, c)
	return nil
}

// MustRegister remembers collectors.
func (l *listing) MustRegister(collectors ...prometheus.Collector) {
	l.collectors = append(l.collectors, collectors...)
}

// Unregister forgets nothing: nobody here asks for it.
func (l *listing) Unregister(prometheus.Collector) bool { return false }
