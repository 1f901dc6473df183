package demo

import (
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// figures are what the stages in this process have counted up to a moment.
type figures struct {
	at          time.Time
	published   float64
	consumed    float64
	outcomes    map[string]float64 // approved, rejected, resend, conflict
	quarantined float64
	rows        float64
	lag         float64 // applications that wait for a decision
	rowsLag     float64 // decisions that wait for ClickHouse
	age         *dto.Histogram
}

// gatherFigures reads the process's own metrics, as operations see them.
func gatherFigures(registry prometheus.Gatherer, published int64) (figures, error) {
	families, err := registry.Gather()
	if err != nil {
		return figures{}, fmt.Errorf("gather metrics: %w", err)
	}
	f := figures{at: time.Now(), published: float64(published), outcomes: map[string]float64{}}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			f.add(family.GetName(), m)
		}
	}
	return f, nil
}

func (f *figures) add(name string, m *dto.Metric) {
	switch name {
	case "tajdeed_renewals_messages_total":
		f.consumed = m.GetCounter().GetValue()
	case "tajdeed_renewals_decisions_total":
		f.outcomes[outcomeOf(m)] += m.GetCounter().GetValue()
	case "tajdeed_renewals_quarantined_total":
		f.quarantined += m.GetCounter().GetValue()
	case "tajdeed_renewals_lag_messages":
		f.lag += m.GetGauge().GetValue()
	case "tajdeed_renewals_message_age_seconds":
		f.age = m.GetHistogram()
	case "tajdeed_analytics_rows_total":
		f.rows = m.GetCounter().GetValue()
	case "tajdeed_analytics_lag_messages":
		f.rowsLag += m.GetGauge().GetValue()
	}
}

// outcomeOf is the outcome of a first decision, and the disposition of any other.
func outcomeOf(m *dto.Metric) string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	if labels["disposition"] == "first" {
		return labels["outcome"]
	}
	return labels["disposition"]
}

func (f *figures) decided() (sum float64) {
	for _, n := range f.outcomes {
		sum += n
	}
	return sum
}

// rate is by how much a figure grew in a second since an earlier moment.
func rate(now, before float64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return (now - before) / took.Seconds()
}

// quantile estimates a quantile of what a histogram observed since an earlier state of it,
// in seconds. It interpolates linearly within the bucket, as Prometheus does.
func quantile(q float64, now, before *dto.Histogram) float64 {
	counts := bucketCounts(now)
	for i, n := range bucketCounts(before) {
		counts[i] -= n
	}
	total := float64(now.GetSampleCount() - before.GetSampleCount())
	if total == 0 {
		return math.NaN()
	}
	rank, below, lower := q*total, 0.0, 0.0
	for i, b := range now.GetBucket() {
		if counts[i] >= rank && counts[i] > below {
			return lower + (b.GetUpperBound()-lower)*(rank-below)/(counts[i]-below)
		}
		below, lower = counts[i], b.GetUpperBound()
	}
	return lower // beyond the last bucket
}

// bucketCounts are the cumulative counts of a histogram's buckets.
func bucketCounts(h *dto.Histogram) []float64 {
	counts := make([]float64, len(h.GetBucket()))
	for i, b := range h.GetBucket() {
		counts[i] = float64(b.GetCumulativeCount())
	}
	return counts
}
