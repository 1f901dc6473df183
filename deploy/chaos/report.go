package chaos

import (
	"encoding/json"
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
	// Messages is how many were published, Logged how many lie on the log of
	// submissions: more, where an answer was lost and a batch sent again.
	Messages int `json:"messages"`
	Logged   int `json:"logged"`
	Findings
	OK bool `json:"ok"`
	// Impossible says why a kind could not strike on this machine.
	Impossible map[string]string `json:"impossible"`
	// Complaints are what did not go as it should beside that: a process that did not
	// stop when it was asked to.
	Complaints []string `json:"complaints"`
	// Crashes is how often a server died without a fault of ours: the embedded
	// ClickHouse does when a client hangs up in the middle of an answer.
	Crashes map[string]int `json:"crashes"`
	// Exits is how many workers and sinks ended by themselves; they were replaced.
	Exits   int     `json:"exits"`
	Seconds float64 `json:"seconds"`
	Kept    string  `json:"kept,omitempty"` // the folder, where something was found
}

// The kinds of message that are injected, beside the faults.
const (
	injectedPoison    = "poison"
	injectedOversized = "oversized"
	injectedDuplicate = "duplicate"
	injectedConflict  = "conflict"
)

var injectedKinds = []string{injectedPoison, injectedOversized, injectedDuplicate, injectedConflict}

func (t *trial) result() Result {
	r := Result{
		Seed: t.plan.seed, Rounds: t.rounds, Messages: t.truth.messages, Logged: t.truth.lies,
		Findings: t.found, OK: t.found.none(), Impossible: map[string]string{},
		Complaints: append([]string{}, t.complaints...), Exits: t.workers.Exits(),
		Faults: map[string]int{
			injectedPoison: t.truth.poison, injectedOversized: t.truth.oversized,
			injectedDuplicate: t.truth.duplicates, injectedConflict: t.truth.conflicts,
		},
	}
	for _, kind := range t.plan.kinds {
		r.Faults[string(kind)] = t.struck[kind]
	}
	r.Crashes = map[string]int{}
	for _, name := range []string{serverPostgres, serverAnalysts, serverKafka} {
		r.Crashes[name] = max(t.deaths(name), 0)
	}
	for kind := range fillable {
		if t.noDisk != nil {
			r.Impossible[string(kind)] = t.noDisk.Error()
		}
	}
	return r
}

// WriteJSON writes the result as one object.
func (r Result) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Text is the table of faults and the totals, for a person.
func (r Result) Text() string {
	var w strings.Builder
	fmt.Fprintf(&w, "\n%-20s %8s\n", "fault", "struck")
	for _, kind := range faultKinds {
		if n, asked := r.Faults[string(kind)]; asked {
			fmt.Fprintf(&w, "%-20s %8d%s\n", kind, n, because(r.Impossible[string(kind)]))
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
	}{{"lost", r.Lost}, {"doubled", r.Doubled}, {"misordered", r.Misordered}, {"wrong", r.Wrong}, {"unbalanced", r.Unbalanced}} {
		fmt.Fprintf(&w, "%-20s %8d\n", total.name, total.n)
	}
	for _, complaint := range r.Complaints {
		fmt.Fprintln(&w, complaint)
	}
	w.WriteString("\n")
	return w.String()
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return "  impossible here: " + why
}
