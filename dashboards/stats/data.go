package stats

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"tajdeed/dashboards/text"
)

// WriteJSON writes the report as one JSON object. Amounts are in fils, times
// in milliseconds.
func (s *Report) WriteJSON(out io.Writer) error { return text.WriteJSON(out, s) }

// WriteCSV writes the first section that was asked for, under a line of column names.
func (s *Report) WriteCSV(out io.Writer) error {
	lines := map[string]func(*Report) [][]string{
		"throughput":   throughputLines,
		"applications": applicationLines,
		"reasons":      reasonLines,
		"unreadable":   unreadableLines,
		"latency":      latencyLines,
		"pace":         paceLines,
	}[s.sections[0]](s)
	if err := csv.NewWriter(out).WriteAll(lines); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func throughputLines(s *Report) [][]string {
	lines := [][]string{{"start", "messages", "first", "resend", "conflict", "approved", "rejected"}}
	for _, r := range s.Throughput {
		lines = append(lines, []string{r.Start.Format(time.RFC3339), whole(r.Messages),
			whole(r.First), whole(r.Resend), whole(r.Conflict), whole(r.Approved), whole(r.Rejected)})
	}
	return lines
}

func applicationLines(s *Report) [][]string {
	lines := [][]string{{"article", "channel", "outcome", "first", "resend", "conflict", "fees_fils"}}
	for _, r := range s.Applications {
		lines = append(lines, []string{whole(uint64(r.Article)), r.Channel, r.Outcome,
			whole(r.First), whole(r.Resend), whole(r.Conflict), strconv.FormatInt(r.FeesFils, 10)})
	}
	return lines
}

func reasonLines(s *Report) [][]string {
	lines := [][]string{{"reason", "first", "resend", "conflict", "en", "ar"}}
	for _, r := range s.Reasons {
		lines = append(lines, []string{r.Reason, whole(r.First), whole(r.Resend), whole(r.Conflict), r.English, r.Arabic})
	}
	return lines
}

func unreadableLines(s *Report) [][]string {
	lines := [][]string{{"channel", "rule", "messages"}}
	for _, r := range s.Unreadable {
		lines = append(lines, []string{r.Channel, r.Rule, whole(r.Messages)})
	}
	return lines
}

func latencyLines(s *Report) [][]string {
	lines := [][]string{{"stage", "messages", "p50_ms", "p90_ms", "p99_ms", "max_ms"}}
	for _, r := range s.Latency {
		lines = append(lines, []string{r.Stage, whole(r.Messages), fraction(r.P50), fraction(r.P90), fraction(r.P99), fraction(r.Max)})
	}
	return lines
}

func paceLines(s *Report) [][]string {
	lines := [][]string{{"span", "applications", "target", "share"}}
	for _, r := range s.Pace {
		lines = append(lines, []string{r.Span, whole(r.Applications), fraction(r.Target), fraction(r.Share)})
	}
	return lines
}

func whole(n uint64) string { return strconv.FormatUint(n, 10) }

func fraction(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
