package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"tajdeed/dashboards/stats"
	"tajdeed/dashboards/text"
	"tajdeed/dashboards/verify"
)

// Report is what became of a run, and what analysts see of it.
type Report struct {
	Result Result
	Books  *verify.Books // of the whole installation
	Stats  *stats.Report // of the last hour
}

// Text is the report for a person.
func (r *Report) Text() string { return r.Result.text() + r.Stats.Text() }

func (s *system) askStats(ctx context.Context) (*stats.Report, error) {
	now := time.Now()
	return stats.Ask(ctx, s.clickhouse, stats.Question{Since: now.Add(-time.Hour), Until: now.Add(time.Hour), By: "hour"})
}

// text says what became of everything that was published.
func (r *Result) text() string {
	var out strings.Builder
	verdict := "balanced: every message is accounted for, once"
	if !r.Balanced {
		verdict = "NOT BALANCED"
	}
	rows := []struct {
		name string
		n    int64
	}{
		{"published", r.Published}, {"consumed", r.Consumed},
		{"  approved", r.Approved}, {"  rejected", r.Rejected},
		{"  sent again", r.Duplicates}, {"  conflicts", r.Conflicts}, {"  quarantined", r.Quarantined},
		{"in ClickHouse", r.ClickHouseRows},
	}
	out.WriteString("\n")
	for _, row := range rows {
		fmt.Fprintf(&out, "%-16s %12s\n", row.name, text.Thousands(row.n))
	}
	fmt.Fprintf(&out, "\n%s\n%.1f s from the first message until the last row could be queried: %s a second\n"+
		"latency from the topic to the decision, all at once: p50 %.0f ms, p99 %.0f ms\n\n",
		verdict, r.Seconds, text.Thousands(int64(r.PerSecond)), r.LatencyMS.P50, r.LatencyMS.P99)
	return out.String()
}
