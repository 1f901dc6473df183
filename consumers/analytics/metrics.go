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
			"Rows that ClickHouse has acknowledged. Its rate is that of tajdeed_renewals_decisions_total, or the stage falls behind."),
		repeated: counter("repeated_total",
			"Decisions dropped because they were in ClickHouse already. They appear when a partition of the renewals stage changed hands."),
	}
}
