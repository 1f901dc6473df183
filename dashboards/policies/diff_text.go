package policies

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema/policy"
)

// Text is it for a person, within 100 columns.
func (d *Diff) Text() string {
	var out strings.Builder
	for i, c := range d.Comparisons {
		if i > 0 {
			out.WriteString("\n")
		}
		c.write(&out)
	}
	return out.String()
}

func (c *Comparison) write(out *strings.Builder) {
	text.WriteField(out, sideWidth, "A", c.A.text())
	text.WriteField(out, sideWidth, "B", c.B.text())
	switch {
	case c.A == nil || c.B == nil:
		fmt.Fprintf(out, "\nOnly one side has this epoch, with %d values.\n", len(c.Changes))
		return
	case len(c.Changes) == 0 && c.A.Version == c.B.Version:
		out.WriteString("\nno difference\n")
		return
	case len(c.Changes) == 0:
		out.WriteString("\nno difference in any value, its rule or its evidence: the files differ in their edition or\nin the addresses of sources\n")
		return
	}
	c.writeValues(out)
	c.writeEvidence(out)
	if slices.ContainsFunc(c.Changes, func(change Change) bool { return change.Change == Order }) {
		out.WriteString("\nThe fees stand in another order. Where several fit a case, the first one is its price.\n")
	}
}

// sideWidth is the width of the names of the sides.
const sideWidth = 3

func (s *Side) text() string {
	if s == nil {
		return "has no such epoch"
	}
	return fmt.Sprintf("%s, in force from %s", s.Version, s.From)
}

// The widths of a difference's cells.
const (
	changeWidth = 34
	stateWidth  = 19
)

// writeValues writes the values that differ, the added ones and the removed ones.
func (c *Comparison) writeValues(out *strings.Builder) {
	t := text.NewTable("", "What", "A", "B", "Rule")
	for _, change := range c.Changes {
		if change.Change == Evidence || change.Change == Order {
			continue
		}
		t.AppendRow(table.Row{
			change.Change, wrapped(change.said, changeWidth), wrapped(amount(change.Path, change.Old), stateWidth),
			wrapped(amount(change.Path, change.New), stateWidth), change.rules(),
		})
	}
	if t.Length() > 0 {
		text.WriteTable(out, "Values", t)
	}
}

// writeEvidence writes the values that are the same for another rule or on other evidence.
func (c *Comparison) writeEvidence(out *strings.Builder) {
	t := text.NewTable("What", "Value", "Rule", "Differs")
	for _, change := range c.Changes {
		if change.Change == Evidence {
			differs := slices.Clone(change.Evidence)
			if change.OldRule != "" {
				differs = slices.Insert(differs, 0, "rule")
			}
			t.AppendRow(table.Row{wrapped(change.said, changeWidth), amount(change.Path, change.New), change.rules(), strings.Join(differs, ", ")})
		}
	}
	if t.Length() > 0 {
		text.WriteTable(out, "The same value on other evidence", t)
	}
}

// rules names the rule, on two lines where each side has another one.
func (c *Change) rules() string {
	if c.OldRule != "" {
		return c.OldRule + " →\n" + c.Rule
	}
	return c.Rule
}

// said names a value in words. A limit is told from a fee, which may have the same conditions.
func said(v *policy.Value) string {
	known := valueOf(*v)
	switch {
	case strings.HasPrefix(v.Path, "limits["):
		return "Limit: " + label(&known)
	case strings.HasPrefix(v.Path, "fines["):
		return "Fine: " + label(&known)
	case strings.HasPrefix(v.Path, "fees["):
		return "Fee: " + label(&known)
	}
	return label(&known)
}
