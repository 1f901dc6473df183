package renewals

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// metrics count what the stage decides, once for each decision that was committed
// by this process.
type metrics struct {
	decisions *prometheus.CounterVec
	reasons   *prometheus.CounterVec
	misplaced *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	auto := promauto.With(registry)
	m := &metrics{
		decisions: auto.NewCounterVec(prometheus.CounterOpts{
			Namespace: consumers.Namespace, Subsystem: Name, Name: "decisions_total",
			Help: "Decisions, by outcome and by whether the application was seen for the first time (first), again (resend), or under an id that is taken (conflict).",
		}, []string{"outcome", "disposition"}),
		reasons: auto.NewCounterVec(prometheus.CounterOpts{
			Namespace: consumers.Namespace, Subsystem: Name, Name: "rejection_reasons_total",
			Help: "Reasons of rejections. One rejection may have several. A step in one of them is a channel that sends something new, or a policy that changed.",
		}, []string{"reason"}),
		misplaced: auto.NewCounterVec(prometheus.CounterOpts{
			Namespace: consumers.Namespace, Subsystem: Name, Name: "misplaced_total",
			Help: "Messages that do not lie in the partition which their key chooses by murmur2. Their channel publishes with another partitioner, so one resident's messages may overtake one another.",
		}, []string{"channel"}),
	}
	for _, outcome := range schema.Outcomes() {
		for _, disposition := range schema.Dispositions() {
			m.decisions.WithLabelValues(outcome.String(), disposition.String())
		}
	}
	for _, reason := range schema.AllReasons() {
		m.reasons.WithLabelValues(reason.Code())
	}
	return m
}

func (m *metrics) count(decisions []schema.Decision) {
	for i := range decisions {
		d := &decisions[i]
		m.decisions.WithLabelValues(d.Outcome.String(), d.Disposition.String()).Inc()
		for reason := range d.Reasons.All() {
			m.reasons.WithLabelValues(reason.Code()).Inc()
		}
	}
}
