package demo

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func histogram(t *testing.T, h prometheus.Histogram) *dto.Histogram {
	t.Helper()
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram()
}

// A quantile is of what was observed since the earlier state.
func TestQuantile(t *testing.T) {
	t.Parallel()
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "age", Help: "Of a test.", Buckets: []float64{1, 2, 4}})
	empty := histogram(t, h)
	for range 100 {
		h.Observe(3)
	}
	before := histogram(t, h)
	for range 10 {
		h.Observe(0.5)
		h.Observe(1.5)
	}
	now := histogram(t, h)
	for q, want := range map[float64]float64{0.25: 0.5, 0.5: 1, 0.75: 1.5, 1: 2} {
		if got := quantile(q, now, before); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if got := quantile(0.5, before, empty); got != 3 {
		t.Errorf("the median in one bucket is %g, want its middle", got)
	}
	if got := quantile(0.5, now, now); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %g", got)
	}
	h.Observe(9)
	if got := quantile(0.5, histogram(t, h), now); got != 4 {
		t.Errorf("beyond the last bucket: %g, want its bound", got)
	}
}

func TestGatherFigures(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tajdeed_renewals_decisions_total", Help: "Of a test."}, []string{"disposition", "outcome"})
	consumed := prometheus.NewCounter(prometheus.CounterOpts{Name: "tajdeed_renewals_messages_total", Help: "Of a test."})
	lag := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tajdeed_renewals_lag_messages", Help: "Of a test."}, []string{"partition"})
	registry.MustRegister(decisions, consumed, lag)
	decisions.WithLabelValues("first", "approved").Add(5)
	decisions.WithLabelValues("first", "rejected").Add(2)
	decisions.WithLabelValues("resend", "approved").Add(3)
	decisions.WithLabelValues("conflict", "rejected").Add(1)
	consumed.Add(12)
	lag.WithLabelValues("0").Set(4)
	lag.WithLabelValues("1").Set(6)
	f, err := gatherFigures(registry, 20)
	if err != nil {
		t.Fatal(err)
	}
	if f.published != 20 || f.consumed != 12 || f.lag != 10 || f.decided() != 11 {
		t.Errorf("%+v", f)
	}
	for outcome, want := range map[string]float64{"approved": 5, "rejected": 2, "resend": 3, "conflict": 1} {
		if f.outcomes[outcome] != want {
			t.Errorf("%g %s, want %g", f.outcomes[outcome], outcome, want)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	for perSecond, want := range map[float64]string{
		450: "a year's 450,000 in 16m40s; 31,536 times the year's average", 0.1: "–",
	} {
		if got := pace(perSecond); got != want {
			t.Errorf("%g a second: %q, want %q", perSecond, got, want)
		}
	}
	if got := rate(30, 10, 4*time.Second); got != 5 {
		t.Errorf("20 in 4 s are %g a second", got)
	}
	if got := rate(30, 10, 0); got != 0 {
		t.Errorf("in no time, the rate is %g", got)
	}
}
