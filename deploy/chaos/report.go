package chaos

import (
	"fmt"
	"io"
	"strings"

	"tajdeed/dashboards/text"
)

// Result is what a run found, as `tajdeed-local chaos --json` prints it.
type Result struct {
	Seed   uint64         `json:"seed"`
	Rounds int            `json:"rounds"`
	Faults map[string]int `json:"faults"` // how often each struck; injected messages among them
	// Messages is how many were published, Logged how many lie on the channels' topics: more, where an answer was lost and a batch was sent again.
	Messages int `json:"messages"`
	Logged   int `json:"logged"`
	Findings
	OK bool `json:"ok"`
	// Impossible says why a kind could not strike on this machine.
	Impossible map[string]string `json:"impossible"`
	// Complaints are other things that went wrong, such as a process that did not stop when
	// it was asked to.
	Complaints []string `json:"complaints"`
	// Crashes is how often each server died without a fault of ours. The embedded
	// ClickHouse does when a client ends its connection in the middle of an answer.
	Crashes map[string]int `json:"crashes"`
	// Exits is how many worker processes ended by themselves. They were replaced.
	Exits   int     `json:"exits"`
	Seconds float64 `json:"seconds"`
	Kept    string  `json:"kept,omitempty"` // the folder with data and logs, where it is kept
}

// The kinds of message that are injected. They are counted beside the faults.
const (
	injectedPoison    = "poison"
	injectedOversized = "oversized"
	injectedDuplicate = "duplicate"
	injectedConflict  = "conflict"
	injectedFlood     = "flood"
)

var injectedKinds = []string{injectedPoison, injectedOversized, injectedDuplicate, injectedConflict, injectedFlood}

func (e *experiment) result() Result {
	r := Result{
		Seed: e.plan.seed, Rounds: e.rounds, Messages: e.expected.published, Logged: e.expected.logged,
		Findings: e.found, OK: e.found.none(), Impossible: map[string]string{},
		Complaints: append([]string{}, e.complaints...), Exits: e.workers.Exits(),
		Faults: map[string]int{
			injectedPoison: e.expected.poison, injectedOversized: e.expected.oversized,
			injectedDuplicate: e.expected.duplicates, injectedConflict: e.expected.conflicts,
			injectedFlood: e.expected.flooded,
		},
	}
	for _, kind := range e.plan.kinds {
		r.Faults[string(kind)] = e.struck[kind]
	}
	r.Crashes = map[string]int{}
	for _, name := range serverNames {
		r.Crashes[name] = max(e.deaths(name), 0)
	}
	for kind := range fillable {
		if e.diskError != nil {
			r.Impossible[string(kind)] = e.diskError.Error()
		}
	}
	return r
}

// WriteJSON writes the result as one object.
func (r Result) WriteJSON(w io.Writer) error { return text.WriteJSON(w, r) }

// Text is the table of faults and the totals, for a person at a terminal.
func (r Result) Text() string {
	var w strings.Builder
	fmt.Fprintf(&w, "\n%-20s %8s\n", "fault", "struck")
	for _, kind := range faultKinds {
		if n, asked := r.Faults[string(kind)]; asked {
			fmt.Fprintf(&w, "%-20s %8d%s\n", kind, n, impossibleText(r.Impossible[string(kind)]))
		}
	}
	fmt.Fprintf(&w, "\n%-20s %8s\n", "injected", "messages")
	for _, kind := range injectedKinds {
		fmt.Fprintf(&w, "%-20s %8d\n", kind, r.Faults[kind])
	}
	fmt.Fprintf(&w, "\nseed %d, %d rounds in %.0f s; %d processes ended by themselves; servers that died otherwise: %v\n",
		r.Seed, r.Rounds, r.Seconds, r.Exits, r.Crashes)
	fmt.Fprintf(&w, "%-20s %8s\n%-20s %8s  with what was sent again after a lost answer\n",
		"published", text.Thousands(int64(r.Messages)), "on the log", text.Thousands(int64(r.Logged)))
	for _, total := range []struct {
		name string
		n    int
	}{{"lost", r.Lost}, {"unanswered", r.Unanswered}, {"doubled", r.Doubled}, {"misordered", r.Misordered}, {"wrong", r.Wrong}, {"unbalanced", r.Unbalanced}} {
		fmt.Fprintf(&w, "%-20s %8d\n", total.name, total.n)
	}
	for _, complaint := range r.Complaints {
		fmt.Fprintln(&w, complaint)
	}
	w.WriteString("\n")
	return w.String()
}

func impossibleText(why string) string {
	if why == "" {
		return ""
	}
	return "  impossible here: " + why
}
