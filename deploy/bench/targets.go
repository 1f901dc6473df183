package bench

import (
	"fmt"

	"tajdeed/dashboards/text"
)

// Target is what a figure should reach. Missing one is no error.
type Target struct {
	Target   string   `json:"target"`
	Measured *float64 `json:"measured"` // null where its figure was not measured
	Unit     string   `json:"unit"`
	Met      *bool    `json:"met"`
}

// compareWithTargets sets the targets and whether each is met.
func (r *Result) compareWithTargets() {
	r.Targets = []Target{
		atLeast("whole", r.perSecond("whole"), 45_000, "a second"),
		atLeast("renewals, of the ceiling", r.Ratios.RenewalsToCeiling, 0.6, "times"),
		atLeast("renewals, of the naive loop", r.Ratios.RenewalsToNaive, 10, "times"),
		atLeast("analytics", r.perSecond("analytics"), 200_000, "rows a second"),
		atMost("submitted to decided at 1,000 a second, p99", r.p99("latency-1000", toDecided), 50, "ms"),
		atMost("submitted to queryable at 1,000 a second, p99", r.p99("latency-1000", toQueryable), 1000, "ms"),
		atMost("one channel's trickle beside another's backlog, submitted to decided, p99", r.p99("fairness", toDecided), 250, "ms"),
		atMost("throughput lost by six channels instead of one", r.Ratios.ChannelsLossPercent, 5, "%"),
		atMost("an application among 20 million residencies, to one among 0.5", r.Ratios.RegisterGrowth, 1.5, "times"),
		atMost("an application with 0.1 % unreadable messages, to one with none", r.Ratios.PoisonSlowdown, 1.1, "times"),
		atMost("a backlog of 6.4 million", r.Ratios.BacklogSecondsPer64M, 150, "s"),
		atMost("memory of a worker", r.peakRSS(), 200, "MB"),
	}
}

func atLeast(what string, measured *float64, bound float64, unit string) Target {
	t := Target{Target: fmt.Sprintf("%s: at least %s %s", what, formatNumber(bound), unit), Measured: measured, Unit: unit}
	if measured != nil {
		met := *measured >= bound
		t.Met = &met
	}
	return t
}

func atMost(what string, measured *float64, bound float64, unit string) Target {
	t := Target{Target: fmt.Sprintf("%s: at most %s %s", what, formatNumber(bound), unit), Measured: measured, Unit: unit}
	if measured != nil {
		met := *measured <= bound
		t.Met = &met
	}
	return t
}

func (r *Result) perSecond(name string) *float64 {
	if f := r.figure(name); f != nil {
		return &f.PerSecond
	}
	return nil
}

func (r *Result) p99(name string, span func(*Latency) Percentiles) *float64 {
	f := r.figure(name)
	if f == nil || f.LatencyMS == nil {
		return nil
	}
	p := span(f.LatencyMS).P99
	return &p
}

func toDecided(l *Latency) Percentiles   { return l.Decided }
func toQueryable(l *Latency) Percentiles { return *l.Queryable }

// peakRSS is the most memory that any worker held, in MB. The figure analytics runs none.
func (r *Result) peakRSS() (most *float64) {
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Name != "analytics" && f.PeakRSSMB != nil && (most == nil || *f.PeakRSSMB > *most) {
			most = f.PeakRSSMB
		}
	}
	return most
}

// status is a word for the report.
func (t Target) status() string {
	switch {
	case t.Met == nil:
		return "not measured"
	case *t.Met:
		return "met"
	default:
		return "missed"
	}
}

// formatNumber writes a number with thousands separated, or three digits.
func formatNumber(x float64) string {
	if x >= 100 {
		return text.Thousands(int64(x + 0.5))
	}
	return fmt.Sprintf("%.3g", x)
}
