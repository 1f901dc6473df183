package demo

import (
	"context"
	"time"

	"tajdeed/dashboards/stats"
	"tajdeed/dashboards/verify"
)

// Report is what became of a run.
type Report struct {
	Result Result
	Books  *verify.Books // of the whole installation
	Stats  *stats.Report // of the last hour
}

// Text is the report for a person at a terminal.
func (r *Report) Text() string { return r.Result.text() + r.Stats.Text() }

func (i *installation) askStats(ctx context.Context) (*stats.Report, error) {
	now := time.Now()
	return stats.Ask(ctx, i.clickhouse, stats.Question{Since: now.Add(-time.Hour), Until: now.Add(time.Hour), By: "hour"})
}
