package demo

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tajdeed/dashboards/text"
	"tajdeed/dashboards/verify"
	"tajdeed/schema"
)

// Result counts what became of everything that a run published, as `up --once --json`
// prints it.
type Result struct {
	Published   int64 `json:"published"`
	Consumed    int64 `json:"consumed"`
	Approved    int64 `json:"approved"`
	Rejected    int64 `json:"rejected"`
	Duplicates  int64 `json:"duplicates"`
	Conflicts   int64 `json:"conflicts"`
	Quarantined int64 `json:"quarantined"`
	// Answers counts what lies on the decisions topics for this run's messages: decisions,
	// and notices of messages that cannot be read, each once.
	Answers        int64 `json:"answers"`
	ClickHouseRows int64 `json:"clickhouse_rows"`
	// Balanced says that the books of the whole installation balance, see
	// [verify.Books], that nothing of what this run published is missing, and that there
	// are as many answers as messages.
	Balanced  bool    `json:"balanced"`
	Seconds   float64 `json:"seconds"` // from the first message until the last row could be queried
	PerSecond float64 `json:"per_second"`
	// LatencyMS is from the topic to the decision. When a run publishes everything at
	// once, messages wait in its backlog, and that is what this measures.
	LatencyMS struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
	} `json:"latency_ms"`
	// Channels counts the same for each channel.
	Channels map[schema.Channel]*ChannelResult `json:"channels"`

	announced int64 // messages whose answer is announced
}

// ChannelResult counts what became of the messages of one channel.
type ChannelResult struct {
	Published  int64 `json:"published"`
	Answers    int64 `json:"answers"`
	Decided    int64 `json:"decided"` // resends and conflicts included
	Unreadable int64 `json:"unreadable"`
}

// channel returns the counts of a channel.
func (r *Result) channel(c schema.Channel) *ChannelResult {
	if r.Channels == nil {
		r.Channels = map[schema.Channel]*ChannelResult{}
	}
	if r.Channels[c] == nil {
		r.Channels[c] = &ChannelResult{}
	}
	return r.Channels[c]
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
	r.Balanced = books.Balanced && books.Complete && r.Consumed >= r.Published && r.Answers == r.Consumed
}

// WriteJSON writes the result as one JSON object.
func (r *Result) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// text is the result for a person at a terminal.
func (r *Result) text() string {
	var out strings.Builder
	balance := "balanced: every message is accounted for and answered, once"
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
		{"answers", r.Answers}, {"in ClickHouse", r.ClickHouseRows},
	}
	out.WriteString("\n")
	for _, row := range rows {
		fmt.Fprintf(&out, "%-16s %12s\n", row.name, text.Thousands(row.n))
	}
	out.WriteString(r.channelsText())
	fmt.Fprintf(&out, "\n%s\n%.1f s from the first message until the last row could be queried: %s a second\n"+
		"latency from the topic to the decision, all at once: p50 %.0f ms, p99 %.0f ms\n\n",
		balance, r.Seconds, text.Thousands(int64(r.PerSecond)), r.LatencyMS.P50, r.LatencyMS.P99)
	return out.String()
}

// channelsText is a line for each channel.
func (r *Result) channelsText() string {
	if len(r.Channels) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n%-20s %12s %12s %12s %12s\n", "channel", "published", "decided", "unreadable", "answers")
	for _, name := range slices.Sorted(maps.Keys(r.Channels)) {
		c := r.Channels[name]
		fmt.Fprintf(&out, "%-20s %12s %12s %12s %12s\n", name,
			text.Thousands(c.Published), text.Thousands(c.Decided), text.Thousands(c.Unreadable), text.Thousands(c.Answers))
	}
	return out.String()
}
