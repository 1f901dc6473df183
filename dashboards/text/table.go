package text

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// NewTable returns a table without walls: a rule under its names and above its sums.
func NewTable(names ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBorders
	style.Box.PaddingLeft, style.Box.PaddingRight = "", ""
	style.Box.MiddleVertical, style.Box.MiddleSeparator = "  ", "──"
	style.Box.TopSeparator, style.Box.BottomSeparator = "──", "──"
	style.Format.Header, style.Format.Footer = text.FormatDefault, text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(names)
	return t
}

// AlignRight aligns a run of columns as numbers, with their names and sums. The first
// column is 1.
func AlignRight(t table.Writer, from, to int) {
	var columns []table.ColumnConfig
	for n := from; n <= to; n++ {
		columns = append(columns, table.ColumnConfig{
			Number: n,
			Align:  text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight,
		})
	}
	t.SetColumnConfigs(columns)
}

// WriteTable writes a table under its title. No line ends with blanks.
func WriteTable(out *strings.Builder, title string, t table.Writer) {
	out.WriteString("\n" + title + "\n\n")
	for line := range strings.Lines(t.Render() + "\n") {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// WriteField writes a name, padded to a width, and its value on one line.
func WriteField(out *strings.Builder, width int, name, value string) {
	out.WriteString(text.AlignLeft.Apply(name, width) + value + "\n")
}
