package stats

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
)

// Text is the report for a person, within 100 columns.
func (s *Report) Text() string {
	var report strings.Builder
	fmt.Fprintf(&report, "Decided from %s to %s, Kuwait time\n", text.Minute(s.Since), text.Minute(s.Until))
	if s.Simulation {
		report.WriteString("SIMULATION: its people are made up, and nothing here holds for anybody\n")
	}
	report.WriteString(s.Complete.text() + "\n")
	if s.Totals.Messages == 0 {
		report.WriteString("\n" + whyNothing(s) + "\n")
	}
	for _, section := range s.sections {
		writeSection(&report, section, s)
	}
	return report.String()
}

// text says up to when the figures are complete. Those of a span that ends later may still
// grow.
func (c *Completeness) text() string {
	switch {
	case c.UpTo != nil:
		return "Complete up to " + text.Second(*c.UpTo) + ": every decision published before is in"
	case c.Partitions == 0:
		return "Complete up to: unknown, the stage analytics has not said how far it is"
	}
	return fmt.Sprintf("Complete up to: unknown, the stage analytics has been in %d of %d partitions", c.PartitionsSeen, c.Partitions)
}

// whyNothing says why the span is empty: there are no decisions, or they lie elsewhere.
func whyNothing(s *Report) string {
	if s.held.Messages == 0 {
		return "ClickHouse is empty: no decision has reached it yet."
	}
	return fmt.Sprintf("Nothing was decided in this span. There are %s decisions, from %s to %s:\ngive --since.",
		text.Thousands(s.held.Messages), text.Minute(s.held.First.In(schema.Kuwait)), text.Minute(s.held.Last.In(schema.Kuwait)))
}

// writeSection writes a section, unless it is empty. The pace never is.
func writeSection(out *strings.Builder, section string, s *Report) {
	if s.Totals.Messages == 0 && section != "pace" && section != "unreadable" {
		return
	}
	switch section {
	case "unreadable":
		writeUnreadable(out, s)
	case "throughput":
		writeThroughput(out, s)
	case "applications":
		writeApplications(out, s)
	case "reasons":
		writeReasons(out, s)
	case "latency":
		writeLatency(out, s)
	case "pace":
		writePace(out, s)
	}
}

// barWidth is how wide the bar of the busiest hour or day is.
const barWidth = 24

func writeThroughput(out *strings.Builder, s *Report) {
	layout := map[string]string{"hour": "Mon 02 Jan 15:04", "day": "Mon 02 Jan 2006"}[s.By]
	t := text.NewTable(strings.ToUpper(s.By[:1])+s.By[1:], "Messages", "First", "Resend", "Conflict", "Approved", "Rejected", "")
	var most uint64
	for _, r := range s.Throughput {
		most = max(most, r.Messages)
	}
	for _, r := range s.Throughput {
		t.AppendRow(throughputRow(r.Start.Format(layout), r.Totals, shareBar(r.Messages, most)))
	}
	t.AppendFooter(throughputRow("Total", s.Totals, ""))
	text.AlignRight(t, 2, 7)
	text.WriteTable(out, "Throughput by "+s.By, t)
}

func throughputRow(name string, t Totals, bar string) table.Row {
	return table.Row{name, text.Thousands(t.Messages), text.Thousands(t.First), text.Thousands(t.Resend), text.Thousands(t.Conflict),
		text.Thousands(t.Approved), text.Thousands(t.Rejected), bar}
}

// shareBar draws n as a share of the most, in eighths of a character.
func shareBar(n, most uint64) string {
	eighths := int(n * barWidth * 8 / max(most, 1))
	return strings.Repeat("█", eighths/8) + [...]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}[eighths%8]
}

// place is an article and a channel: a line of the applications' table.
type place struct {
	article uint8
	channel string
}

// placeStats counts the applications of a place, of both outcomes.
type placeStats struct {
	Totals
	fees schema.Fils
}

func writeApplications(out *strings.Builder, s *Report) {
	places, order, total := byPlace(s.Applications)
	t := text.NewTable("Article", "Channel", "First", "Approved", "Rejected", "Share", "Resend", "Conflict", "Fees")
	for i, p := range order {
		if i > 0 && order[i-1].article != p.article {
			t.AppendSeparator()
		}
		t.AppendRow(placeRow(strconv.Itoa(int(p.article)), p.channel, places[p]))
	}
	t.AppendFooter(placeRow("Total", "", total))
	text.AlignRight(t, 3, 9)
	text.WriteTable(out, "Applications by article, channel and outcome (share and fees, fines included, are of the approved)", t)
}

// byPlace joins the two outcomes of each place, and sums all places up.
func byPlace(rows []Application) (places map[place]*placeStats, order []place, total *placeStats) {
	places, total = map[place]*placeStats{}, &placeStats{}
	for _, r := range rows {
		p := place{r.Article, r.Channel}
		if places[p] == nil {
			places[p] = &placeStats{}
			order = append(order, p)
		}
		places[p].add(r)
		total.add(r)
	}
	return places, order, total
}

func (p *placeStats) add(r Application) {
	row := Totals{First: r.First, Resend: r.Resend, Conflict: r.Conflict}
	switch schema.Outcome(r.Outcome) {
	case schema.OutcomeApproved:
		row.Approved = r.First
	case schema.OutcomeRejected:
		row.Rejected = r.First
	}
	p.Totals.add(&row)
	p.fees += schema.Fils(r.FeesFils)
}

func placeRow(article, channel string, p *placeStats) table.Row {
	return table.Row{article, channel, text.Thousands(p.First), text.Thousands(p.Approved), text.Thousands(p.Rejected),
		text.Percent(p.Approved, p.First), text.Thousands(p.Resend), text.Thousands(p.Conflict), p.fees}
}

// reasonWidth is how many of 100 columns the longest code and the numbers leave.
const reasonWidth = 53

func writeReasons(out *strings.Builder, s *Report) {
	refused := s.Totals.Rejected + s.Totals.Conflict
	t := text.NewTable("Reason", "Rejected", "Share", "What the applicant is told")
	for i, r := range s.Reasons {
		if i > 0 {
			t.AppendRow(table.Row{""})
		}
		n := r.First + r.Conflict
		t.AppendRow(table.Row{r.Reason, text.Thousands(n), text.Percent(n, refused), text.BothLanguages(r.English, r.Arabic, reasonWidth)})
	}
	text.AlignRight(t, 2, 3)
	text.WriteTable(out, "Reasons of rejections (one may have several; what was sent again is left out)", t)
}

// writeUnreadable sums the channels up: each breaks most rules sooner or later, and which one
// broke which is in the other formats.
func writeUnreadable(out *strings.Builder, s *Report) {
	if len(s.Unreadable) == 0 {
		return
	}
	rules, order, total := byRule(s.Unreadable)
	t := text.NewTable("Rule", "Messages", "Share", "Most from")
	for _, rule := range order {
		r := rules[rule]
		t.AppendRow(table.Row{rule, text.Thousands(r.messages), text.Percent(r.messages, total), r.mostFrom()})
	}
	t.AppendFooter(table.Row{"Total", text.Thousands(total), "", ""})
	text.AlignRight(t, 2, 3)
	text.WriteTable(out, "Messages that could not be read, by the rule that they break", t)
}

// ruleStats counts the messages that break one rule.
type ruleStats struct {
	messages uint64
	most     Unreadable // of the channel with the most; of several, of the first
}

// byRule joins the channels of each rule, the rule with the most messages first.
func byRule(rows []Unreadable) (rules map[string]*ruleStats, order []string, total uint64) {
	rules = map[string]*ruleStats{}
	for _, r := range rows {
		sum := rules[r.Rule]
		if sum == nil {
			sum = &ruleStats{}
			rules[r.Rule] = sum
			order = append(order, r.Rule)
		}
		sum.messages += r.Messages
		if r.Messages > sum.most.Messages {
			sum.most = r
		}
		total += r.Messages
	}
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(rules[b].messages, rules[a].messages), cmp.Compare(a, b))
	})
	return rules, order, total
}

// mostFrom names the channel that broke the rule most often, and how often where others did
// so too.
func (r *ruleStats) mostFrom() string {
	if r.most.Messages == r.messages {
		return r.most.Channel
	}
	return fmt.Sprintf("%s (%s)", r.most.Channel, text.Thousands(r.most.Messages))
}

var stageTitles = map[string]string{
	"received_to_decided":   "received → decided",
	"decided_to_queryable":  "decided → queryable",
	"received_to_queryable": "the whole way",
}

func writeLatency(out *strings.Builder, s *Report) {
	t := text.NewTable("Stage", "Messages", "p50", "p90", "p99", "Longest")
	for _, r := range s.Latency {
		t.AppendRow(table.Row{stageTitles[r.Stage], text.Thousands(r.Messages), text.Tenths(r.P50), text.Tenths(r.P90), text.Tenths(r.P99), text.Tenths(r.Max)})
	}
	text.AlignRight(t, 2, 6)
	text.WriteTable(out, "Latency in milliseconds", t)
}

func writePace(out *strings.Builder, s *Report) {
	t := text.NewTable("In the last", "Applications", "450,000 a year is", "Of the pace")
	for _, r := range s.Pace {
		t.AppendRow(table.Row{r.Span, text.Thousands(r.Applications), text.Thousands(uint64(r.Target + 0.5)), text.Tenths(r.Share*100) + " %"})
	}
	text.AlignRight(t, 2, 4)
	text.WriteTable(out, "The year's pace, now", t)
}
