package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// newTable returns a table without walls: a rule under its names and above its sums.
func newTable(names ...any) table.Writer {
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

// alignRight aligns a run of columns as numbers, their names and sums too.
func alignRight(t table.Writer, from, to int) {
	var columns []table.ColumnConfig
	for n := from; n <= to; n++ {
		columns = append(columns, table.ColumnConfig{Number: n,
			Align: text.AlignRight, AlignHeader: text.AlignRight, AlignFooter: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
}

// writeTable writes a table under its title. Lines end where their text does.
func writeTable(out *strings.Builder, title string, t table.Writer) {
	out.WriteString("\n" + title + "\n\n")
	for line := range strings.Lines(t.Render() + "\n") {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

// bothLanguages lays a text out in English, from the left, and in Arabic, from the
// right. Either may be empty.
func bothLanguages(english, arabic string, width int) string {
	return strings.Join(slices.Concat(wrap(english, width), wrapArabic(arabic, width)), "\n")
}

func wrap(s string, width int) []string {
	if s == "" {
		return nil
	}
	lines := strings.Split(text.WrapSoft(s, width), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}

// rightToLeftMark keeps the full stop of an Arabic sentence at its end, on the left,
// in a line that otherwise runs from left to right. It has no width.
const rightToLeftMark = "\u200f"

func wrapArabic(s string, width int) []string {
	lines := wrap(s, width)
	for i, line := range lines {
		lines[i] = text.AlignRight.Apply(rightToLeftMark+line+rightToLeftMark, width)
	}
	return lines
}

// grouped writes a count with commas between its thousands.
func grouped(n uint64) string { return thousands(int64(n)) }

func tenths(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// percent is empty of meaning where there is no whole.
func percent(part, whole uint64) string {
	if whole == 0 {
		return "–"
	}
	return tenths(100*float64(part)/float64(whole)) + " %"
}
