package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/schema"
)

func metricsCommand() *cli.Command {
	return &cli.Command{
		Name:     "metrics",
		Category: categoryAbout,
		Usage:    "print every metric with its type, labels and meaning, as Markdown",
		Description: `What the stages register, asked of themselves: it contacts nothing. The answer is
kept as dashboards/metrics.md.`,
		Before: noArguments,
		Action: func(_ context.Context, c *cli.Command) error { return printMetrics(c.Root().Writer) },
	}
}

// measured is a part of the program that has metrics of its own.
type measured struct {
	name, what string
	register   func(prometheus.Registerer) error
}

// allMeasured are they, in the order of the flow.
func allMeasured() []measured {
	topics := schema.NamedTopics(schema.DefaultPrefix)
	brokers := []string{"none:9092"}
	renewalsConfig, analyticsConfig := renewals.DefaultConfig(), analytics.DefaultConfig()
	renewalsConfig.Brokers, analyticsConfig.Brokers = brokers, brokers
	silent := slog.New(slog.DiscardHandler)
	return []measured{
		{"publisher", "Every process that publishes: the simulation, submit, and both stages.",
			func(registry prometheus.Registerer) error {
				_, err := producers.NewPublisher(producers.Config{Brokers: brokers, Topics: topics.Names()}, nil, registry)
				return err
			}},
		{renewals.Name, "The stage that decides applications and applies them to Postgres.",
			func(registry prometheus.Registerer) error {
				_, err := renewals.NewEngine(renewalsConfig, topics, nil, nil, silent, registry)
				return err
			}},
		{analytics.Name, "The stage that carries decisions into ClickHouse.",
			func(registry prometheus.Registerer) error {
				_, err := analytics.NewEngine(analyticsConfig, topics, 0, nil, nil, nil, silent, registry)
				return err
			}},
	}
}

// printMetrics writes a table for each part of the program.
func printMetrics(out io.Writer) error {
	var page strings.Builder
	page.WriteString(metricsHead)
	for _, part := range allMeasured() {
		metrics, err := metricsOf(part)
		if err != nil {
			return fmt.Errorf("metrics of %s: %w", part.name, err)
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n", part.name, part.what)
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

// metric is one of the tables' lines.
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

// metricsOf has a part of the program register its metrics, and describes them in
// the order of their names. What is gathered would not do: a metric with labels is
// silent until it has counted something.
func metricsOf(part measured) ([]metric, error) {
	var listed listing
	if err := part.register(&listed); err != nil {
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

// describe reads a collector of one metric. The library tells name, help and labels
// in the text of a description only.
func describe(collector prometheus.Collector) (m metric, err error) {
	descriptions := make(chan *prometheus.Desc, 1)
	collector.Describe(descriptions)
	text := (<-descriptions).String()
	var unit, labels string
	const layout = "Desc{fqName: %q, help: %q, unit: %q, constLabels: {}, variableLabels: {%s"
	if _, err := fmt.Sscanf(text, layout, &m.name, &m.help, &unit, &labels); err != nil {
		return m, fmt.Errorf("read %s: %w", text, err)
	}
	if labels = strings.TrimSuffix(labels, "}}"); labels != "" {
		m.labels = strings.Split(labels, ",")
	}
	m.kind = kindOf(collector)
	return m, nil
}

func kindOf(collector prometheus.Collector) string {
	switch collector.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	case *prometheus.GaugeVec, prometheus.Gauge: // before Counter, whose methods it has
		return "gauge"
	case *prometheus.CounterVec, prometheus.Counter:
		return "counter"
	}
	return "unknown"
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
