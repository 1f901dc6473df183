package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"tajdeed/dashboards/stats"
	"tajdeed/dashboards/text"
)

// printReport prints the result of a run, and what analysts see of it.
func (s *system) printReport(ctx context.Context, w io.Writer, r upResult) error {
	if err := r.print(w); err != nil {
		return err
	}
	now := time.Now()
	report, err := stats.Ask(ctx, s.analysts, stats.Question{Since: now.Add(-time.Hour), Until: now.Add(time.Hour), By: "hour"})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, report.Text())
	return err
}

// print says what became of everything that was published.
func (r *upResult) print(w io.Writer) error {
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
	fmt.Fprintln(w)
	for _, row := range rows {
		fmt.Fprintf(w, "%-16s %12s\n", row.name, text.Thousands(row.n))
	}
	_, err := fmt.Fprintf(w, "\n%s\n%.1f s from the first message until the last row could be queried: %s a second\n"+
		"latency from the topic to the decision, all at once: p50 %.0f ms, p99 %.0f ms\n\n",
		verdict, r.Seconds, text.Thousands(int64(r.PerSecond)), r.LatencyMS.P50, r.LatencyMS.P99)
	return err
}
