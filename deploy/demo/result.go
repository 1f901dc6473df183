package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tajdeed/dashboards/text"
	"tajdeed/dashboards/verify"
)

// Result counts what became of everything that a run published, as `up --once --json`
// prints it.
type Result struct {
	Published      int64 `json:"published"`
	Consumed       int64 `json:"consumed"`
	Approved       int64 `json:"approved"`
	Rejected       int64 `json:"rejected"`
	Duplicates     int64 `json:"duplicates"`
	Conflicts      int64 `json:"conflicts"`
	Quarantined    int64 `json:"quarantined"`
	ClickHouseRows int64 `json:"clickhouse_rows"`
	// Balanced says that the books of the whole installation balance, see
	// [verify.Books], and that nothing of what this run published is missing.
	Balanced  bool    `json:"balanced"`
	Seconds   float64 `json:"seconds"` // from the first message until the last row could be queried
	PerSecond float64 `json:"per_second"`
	// LatencyMS is from the topic to the decision. When a run publishes everything at
	// once, messages wait in its backlog, and that is what this measures.
	LatencyMS struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"latency_ms"`

	announced int64 // messages whose decision is announced
}

// decided is how many decisions there are in Postgres.
func (r *Result) decided() int64 { return r.Approved + r.Rejected + r.Duplicates + r.Conflicts }

// setDuration sets how long the run took.
func (r *Result) setDuration(d time.Duration) {
	r.Seconds = text.Rounded(d.Seconds())
	r.PerSecond = text.Rounded(float64(r.Published) / d.Seconds())
}

// setBalanced says whether the books balance and nothing is missing. The books don't know
// how much was published, so a message that never reached the topic only shows here.
func (r *Result) setBalanced(books *verify.Books) {
	r.Balanced = books.Balanced && books.Complete && r.Consumed >= r.Published
}

// WriteJSON writes the result as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// text is the result for a person at a terminal.
func (r *Result) text() string {
	var out strings.Builder
	balance := "balanced: every message is accounted for, once"
	if !r.Balanced {
		balance = "NOT BALANCED"
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
		balance, r.Seconds, text.Thousands(int64(r.PerSecond)), r.LatencyMS.P50, r.LatencyMS.P99)
	return out.String()
}
