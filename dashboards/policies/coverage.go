package policies

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/policy/coverage"
)

// Coverage is which rules the service implements.
type Coverage struct {
	Rules []Covered `json:"rules"` // in the order of schema/policy/SOURCES.md
}

// Covered is a rule. What is not implemented names no function and no case.
type Covered struct {
	ID         string         `json:"id"`
	Confidence string         `json:"confidence"` // A or B
	State      coverage.State `json:"state"`      // implemented, elsewhere or not_yet
	Function   string         `json:"function"`   // "consumers/renewals.checkCover"
	Case       string         `json:"case"`       // "consumers/renewals.TestDecide/no fee": package, test, case
	Remark     string         `json:"remark"`

	reasons []string
	figure  bool
}

// Cover returns all rules. An error is a fault of the build.
func Cover() (*Coverage, error) {
	rules, err := coverage.Rules()
	if err != nil {
		return nil, err
	}
	c := &Coverage{}
	for _, r := range rules {
		c.Rules = append(c.Rules, Covered{
			ID: r.ID, Confidence: r.Confidence, State: r.State, Function: r.Function, Case: r.Case, Remark: r.Remark,
			reasons: r.Reasons, figure: r.Figure,
		})
	}
	return c, nil
}

// WriteJSON writes it as one JSON object, see [Coverage].
func (c *Coverage) WriteJSON(out io.Writer) error { return text.WriteJSON(out, c) }

// Text is it for a person, within 100 columns.
func (c *Coverage) Text() string {
	var out strings.Builder
	out.WriteString("Rules that rest on an official body (A) or on the press quoting one (B)\n")
	c.writeCounts(&out)
	c.writeRules(&out)
	c.writeReasons(&out)
	out.WriteString("\nWhat a rule says, and where it was read: schema/policy/SOURCES.md, which also has the rules\n" +
		"from guides (C), inferred (D) and assumed.\n")
	return out.String()
}

// meanings are what the states mean.
var meanings = map[coverage.State]string{
	coverage.Implemented: "the service does it today",
	coverage.Elsewhere:   "another agency's, or another transaction",
	coverage.NotYet:      "of this service, and missing",
}

func (c *Coverage) writeCounts(out *strings.Builder) {
	t := text.NewTable("State", "Rules", "A", "B", "Meaning")
	count := func(name string, meaning string, of func(*Covered) bool) []any {
		bySure := map[string]int{}
		for i := range c.Rules {
			if of(&c.Rules[i]) {
				bySure[c.Rules[i].Confidence]++
			}
		}
		return []any{name, bySure["A"] + bySure["B"], bySure["A"], bySure["B"], meaning}
	}
	for _, state := range coverage.States() {
		t.AppendRow(count(string(state), meanings[state], func(r *Covered) bool { return r.State == state && !r.figure }))
	}
	t.AppendRow(count("(figures)", "elsewhere too: figures of the domain, which ask nothing of a service", func(r *Covered) bool { return r.figure }))
	t.AppendFooter(count("Total", "", func(*Covered) bool { return true }))
	text.AlignRight(t, 2, 4)
	text.WriteTable(out, "How many are implemented", t)
}

// The widths of the wrapped cells beside the others.
const (
	howWidth  = 62
	toldWidth = 46
	byWidth   = 23
)

func (c *Coverage) writeRules(out *strings.Builder) {
	t := text.NewTable("Rule", "Sure", "State", "By what, shown by which test, and what is to be said")
	for _, r := range c.Rules {
		how := slices.Concat(text.Wrap(r.Function, howWidth), text.Wrap(r.Case, howWidth), text.Wrap(r.Remark, howWidth))
		t.AppendRow(table.Row{r.ID, r.Confidence, r.State, strings.Join(how, "\n")})
	}
	text.WriteTable(out, "Each rule", t)
}

// writeReasons writes what an applicant is told who breaks a rule, and of which rules it is told.
func (c *Coverage) writeReasons(out *strings.Builder) {
	t := text.NewTable("Reason", "What the applicant is told", "Rules")
	for _, reason := range schema.AllReasons() {
		var rules []string
		for _, r := range c.Rules {
			if slices.Contains(r.reasons, reason.Code()) {
				rules = append(rules, r.ID)
			}
		}
		if len(rules) == 0 {
			continue
		}
		if t.Length() > 0 {
			t.AppendRow(table.Row{""})
		}
		t.AppendRow(table.Row{
			reason.Code(), text.BothLanguages(reason.English(), reason.Arabic(), toldWidth),
			wrapped(strings.Join(rules, ", "), byWidth),
		})
	}
	text.WriteTable(out, fmt.Sprintf("What is told to an applicant who breaks one of %d rules", c.told()), t)
}

// told is the number of rules that give an applicant a reason.
func (c *Coverage) told() (n int) {
	for _, r := range c.Rules {
		if len(r.reasons) > 0 {
			n++
		}
	}
	return n
}
