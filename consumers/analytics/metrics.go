package analytics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tajdeed/consumers"
)

// metrics are the stage's own; the engine has those of every stage.
type metrics struct {
	inserted prometheus.Counter
	repeated prometheus.Counter
	ignored  prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) *metrics {
	auto := promauto.With(registry)
	counter := func(name, help string) prometheus.Counter {
		return auto.NewCounter(prometheus.CounterOpts{
			Namespace: consumers.Namespace, Subsystem: Name, Name: name, Help: help,
		})
	}
	return &metrics{
		inserted: counter("rows_total",
			"Rows that ClickHouse has acknowledged, of decisions and of messages that cannot be read. Its rate is that of tajdeed_renewals_messages_total, or the stage falls behind."),
		ignored: counter("ignored_total",
			"Events of a type that this edition does not know: a later edition of the stage renewals publishes them. They are in no table."),
		repeated: counter("repeated_total",
			"Answers dropped because they were in ClickHouse already. They appear when a partition of the renewals stage changed hands."),
	}
}
