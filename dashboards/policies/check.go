package policies

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema/policy"
)

// Checked says for a person which policies of a directory are in force when. Everything is in
// order with them: otherwise they could not be loaded.
func Checked(set *policy.Set) string {
	var out strings.Builder
	t := text.NewTable("Version", "First day", "Last day", "Limits", "Fees")
	for _, p := range set.All() {
		until := "no end known"
		if last, ends := set.Until(p); ends {
			until = last.String()
		}
		limits, fees := 0, 0
		for _, v := range p.Values() {
			switch {
			case strings.HasPrefix(v.Path, "limits["):
				limits++
			case strings.HasPrefix(v.Path, "fees["):
				fees++
			}
		}
		t.AppendRow(table.Row{p.Version, p.From, until, limits, fees})
	}
	text.AlignRight(t, 4, 5)
	out.WriteString(t.Render() + "\n")
	for _, p := range set.Archived() {
		fmt.Fprintf(&out, "archived: %s\n", p.Version)
	}
	for _, remark := range set.Remarks() {
		out.WriteString("\n" + wrapped("remark: "+remark, lineWidth) + "\n")
	}
	out.WriteString("\nok\n")
	return out.String()
}

// Problems says for a person what is wrong with the policies of a directory, a line for each:
// file, line, value, rule, and what is wrong. How many there are is returned too.
func Problems(err error) (said string, n int) {
	var out strings.Builder
	for line := range strings.SplitSeq(err.Error(), "\n") {
		n++
		out.WriteString(strings.TrimPrefix(strings.TrimPrefix(line, "policy "), "policy: ") + "\n")
	}
	return out.String(), n
}
