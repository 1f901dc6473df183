package text

import (
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// BothLanguages lays a text out in English, from the left, and in Arabic, from the right,
// in lines of at most width columns. Either may be empty.
func BothLanguages(english, arabic string, width int) string {
	return strings.Join(slices.Concat(Wrap(english, width), wrapArabic(arabic, width)), "\n")
}

// Wrap cuts a text into lines of at most width columns, between its words. An empty text
// has no lines.
func Wrap(s string, width int) []string {
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
	lines := Wrap(s, width)
	for i, line := range lines {
		lines[i] = text.AlignRight.Apply(rightToLeftMark+line+rightToLeftMark, width)
	}
	return lines
}
