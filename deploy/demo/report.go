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
	Stats  *stats.Report // of this hour and the one before; nil where asking failed
}

// Text is the report for a person at a terminal. Where the books don't balance, it has them
// too: they name what is wrong.
func (r *Report) Text() string {
	text := r.Result.text()
	if !r.Books.Balanced {
		text += r.Books.Text() + "\n"
	}
	if r.Stats != nil {
		text += r.Stats.Text()
	}
	return text
}

func (i *installation) askStats(ctx context.Context) (*stats.Report, error) {
	now := time.Now()
	return stats.Ask(ctx, i.clickhouse, stats.Question{Since: now.Add(-time.Hour), Until: now, By: "hour"})
}
