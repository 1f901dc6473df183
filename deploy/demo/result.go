package demo

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/dashboards/verify"
	"tajdeed/schema"
)

// Result counts what became of everything that a run published, as `up --once --json`
// prints it.
type Result struct {
	Published int64 `json:"published"`
	Consumed  int64 `json:"consumed"`
	Outcomes
	// Answers counts what was published on the decisions topics: one for each message. What a
	// worker publishes again when it takes a partition over is counted again.
	Answers        int64 `json:"answers"`
	ClickHouseRows int64 `json:"clickhouse_rows"` // of decisions
	// Channels is the same by channel.
	Channels map[schema.Channel]*ChannelResult `json:"channels"`
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

	announced      int64 // messages that are answered
	unreadableRows int64 // rows of messages that could not be read
}

// ChannelResult counts what became of one channel's messages.
type ChannelResult struct {
	Published int64 `json:"published"`
	Answers   int64 `json:"answers"`
	Outcomes
}

// Outcomes count the ways in which a message can end.
type Outcomes struct {
	Approved    int64 `json:"approved"`
	Rejected    int64 `json:"rejected"`
	Duplicates  int64 `json:"duplicates"`
	Conflicts   int64 `json:"conflicts"`
	Quarantined int64 `json:"quarantined"`
}

// decided is how many decisions there are in Postgres.
func (o *Outcomes) decided() int64 { return o.Approved + o.Rejected + o.Duplicates + o.Conflicts }

func (o *Outcomes) add(other Outcomes) {
	o.Approved += other.Approved
	o.Rejected += other.Rejected
	o.Duplicates += other.Duplicates
	o.Conflicts += other.Conflicts
	o.Quarantined += other.Quarantined
}

// setDuration sets how long the run took.
func (r *Result) setDuration(d time.Duration) {
	r.Seconds = text.Rounded(d.Seconds())
	r.PerSecond = text.Rounded(float64(r.Published) / d.Seconds())
}

// setBalanced says whether the books balance and nothing is missing. The books don't know
// how much was published, so a message that never reached the topic only shows here.
func (r *Result) setBalanced(books *verify.Books) {
	r.Balanced = books.Balanced && books.Complete && r.Consumed >= r.Published && r.Answers >= r.Published
	for _, c := range r.Channels {
		r.Balanced = r.Balanced && c.Answers >= c.Published
	}
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
		{"answered", r.Answers}, {"in ClickHouse", r.ClickHouseRows + r.unreadableRows},
	}
	out.WriteString("\n")
	for _, row := range rows {
		fmt.Fprintf(&out, "%-16s %12s\n", row.name, text.Thousands(row.n))
	}
	channels := text.NewTable("Channel", "Published", "Answered", "Approved", "Rejected", "Again", "Conflict", "Quarant.")
	for _, c := range slices.Sorted(maps.Keys(r.Channels)) {
		n := r.Channels[c]
		row := table.Row{string(c)}
		for _, count := range []int64{n.Published, n.Answers, n.Approved, n.Rejected, n.Duplicates, n.Conflicts, n.Quarantined} {
			row = append(row, text.Thousands(count))
		}
		channels.AppendRow(row)
	}
	text.AlignRight(channels, 2, 8)
	text.WriteTable(&out, "By channel", channels)
	fmt.Fprintf(&out, "\n%s\n%.1f s from the first message until the last row could be queried: %s a second\n"+
		"latency from the topic to the decision, all at once: p50 %.0f ms, p99 %.0f ms\n\n",
		balance, r.Seconds, text.Thousands(int64(r.PerSecond)), r.LatencyMS.P50, r.LatencyMS.P99)
	return out.String()
}
