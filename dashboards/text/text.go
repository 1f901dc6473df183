// Package text writes what people read at a terminal: tables, wrapped lines in two
// languages, numbers and times. Every report of the program is laid out by it, so that
// they look alike and fit a terminal.
//
// It asks nobody anything and imports nothing of ours.
package text

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"
)

// WriteJSON writes a report as one JSON object, indented for a person who looks at it.
func WriteJSON(out io.Writer, report any) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}

// Thousands writes an integer with commas between its thousands: 450,000.
func Thousands[N ~int | ~int64 | ~uint64](n N) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Tenths writes a number with one decimal place.
func Tenths(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }

// Percent writes a share of the whole as 12.5 %, and a dash where the whole is nothing.
func Percent(part, whole uint64) string {
	if whole == 0 {
		return "–"
	}
	return Tenths(100*float64(part)/float64(whole)) + " %"
}

// Rounded keeps three decimal places of a figure, of which a person reads one.
func Rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

// Minute writes an instant to the minute, in the zone that it is in.
func Minute(t time.Time) string { return t.Format("2006-01-02 15:04") }

// Second writes an instant to the second, in the zone that it is in.
func Second(t time.Time) string { return t.Format("2006-01-02 15:04:05") }
