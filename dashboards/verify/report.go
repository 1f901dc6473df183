package verify

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
)

// WriteJSON writes the books as one JSON object.
func (b *Books) WriteJSON(w io.Writer) error { return text.WriteJSON(w, b) }

// Text is the report for a person, within 100 columns.
func (b *Books) Text() string {
	var out strings.Builder
	out.WriteString(b.headline() + "\n")
	b.writeChannels(&out)
	b.writePartitions(&out)
	b.writePending(&out)
	if !b.PersonsCompared {
		out.WriteString("\nPersons and sponsors were not compared with ClickHouse: that takes the --pseudonym-key\n")
	}
	if b.Ignored > 0 {
		fmt.Fprintf(&out, "\n%s events of a later edition lie on the decisions topics, and were passed over\n", text.Thousands(b.Ignored))
	}
	b.writeGaps(&out)
	b.writeRepair(&out)
	return out.String()
}

func (b *Books) headline() string {
	result := "Balanced: every message is accounted for, once"
	if !b.Balanced {
		result = "NOT BALANCED"
	}
	line := fmt.Sprintf("%s. Verified as of %s, in %.1f s.", result, text.Second(b.TakenAt), b.Seconds)
	if b.Simulation {
		line += "\nA simulation: what it decides holds for nobody."
	}
	return line
}

// termNames are the columns that a channel's table and a partition's have.
var termNames = []any{"Consumed", "Decided", "Again", "Conflict", "Quarant.", "Answers", "ClickHouse"}

// channelWidth is what the figures leave for a channel's name; JSON has the whole.
const channelWidth = 20

// writeChannels writes the equation, a line for each channel.
func (b *Books) writeChannels(out *strings.Builder) {
	lines := text.NewTable(append([]any{"Channel"}, termNames...)...)
	for i := range b.Channels {
		c := &b.Channels[i]
		lines.AppendRow(append(table.Row{marked(c.name(), c.Balanced)}, c.row()...))
	}
	lines.AppendFooter(append(table.Row{""}, b.Totals.row()...))
	text.AlignRight(lines, 2, 1+len(termNames))
	text.WriteTable(out, "consumed = decided + sent again + conflicts + quarantined = answers", lines)
}

// name is the channel's, or that of a topic which is no channel's.
func (c *ChannelBooks) name() string {
	name := []rune(cmp.Or(string(c.Channel), c.Topic))
	if len(name) > channelWidth {
		name = append(name[:channelWidth-1], '…')
	}
	return string(name)
}

// marked marks the name of what is not balanced.
func marked(name string, balanced bool) string {
	if !balanced {
		return "✗ " + name
	}
	return name
}

// partitionsShown is how many partitions all channels may have for each to be shown to a
// person. Of more, only those are that don't balance.
const partitionsShown = 12

// writePartitions writes a table for each channel that has partitions to be shown.
func (b *Books) writePartitions(out *strings.Builder) {
	all := 0
	for i := range b.Channels {
		all += len(b.Channels[i].Partitions)
	}
	for i := range b.Channels {
		c := &b.Channels[i]
		lines := text.NewTable(append([]any{"Part.", "Up to"}, termNames...)...)
		for _, p := range c.Partitions {
			if all <= partitionsShown || !p.Balanced {
				name := marked(fmt.Sprint(p.Partition), p.Balanced)
				lines.AppendRow(append(table.Row{name, text.Thousands(p.Watermark.least())}, p.row()...))
			}
		}
		if lines.Length() > 0 {
			text.AlignRight(lines, 1, 2+len(termNames))
			text.WriteTable(out, c.Topic, lines)
		}
	}
}

func (t *Terms) row() table.Row {
	var row table.Row
	for _, n := range []int64{
		t.Consumed, t.Decided, t.Duplicates, t.Conflicts, t.Quarantined, t.Answers, t.ClickHouseRows + t.ClickHouseUnreadable,
	} {
		row = append(row, text.Thousands(n))
	}
	return row
}

// writePending writes what is on its way, channel by channel: one may be stuck.
func (b *Books) writePending(out *strings.Builder) {
	if b.Totals.Pending.none() {
		return
	}
	lines := text.NewTable("Channel", "To decide", "To answer", "To quarantine", "To insert")
	for i := range b.Channels {
		if c := &b.Channels[i]; !c.Pending.none() {
			lines.AppendRow(c.Pending.row(c.name()))
		}
	}
	lines.AppendFooter(b.Totals.Pending.row(""))
	text.AlignRight(lines, 2, 5)
	text.WriteTable(out, "On their way, not verified yet", lines)
}

func (p Pending) row(name string) table.Row {
	return table.Row{name, text.Thousands(p.Consume), text.Thousands(p.Publish), text.Thousands(p.Quarantine), text.Thousands(p.ClickHouse)}
}

// writeGaps names what doesn't balance.
func (b *Books) writeGaps(out *strings.Builder) {
	for p := range b.all {
		for _, kind := range gapKinds {
			if runs := p.gapsOf(kind); len(runs) > 0 {
				writeRuns(out, p.topic, p.Partition, kind, runs)
			}
		}
	}
	for _, s := range b.Strays {
		writeRuns(out, s.Topic, s.Partition, s.Kind, []Gap{s.Gap})
	}
}

func writeRuns(out *strings.Builder, topic string, partition int, kind GapKind, runs []Gap) {
	fmt.Fprintf(out, "\n%s, partition %d: %s offsets\n%s:\n", topic, partition, text.Thousands(countOffsets(runs)), gapTexts[kind])
	for _, line := range text.Wrap(runsText(runs), gapWidth) {
		out.WriteString("    " + line + "\n")
	}
}

const (
	gapWidth = 92
	// gapsShown is how many runs are named to a person; JSON names all.
	gapsShown = 40
)

// runsText writes runs of offsets as 1200–1207, 1310.
func runsText(runs []Gap) string {
	var texts []string
	for _, g := range runs[:min(len(runs), gapsShown)] {
		text := fmt.Sprint(g.From)
		if g.To > g.From {
			text += fmt.Sprintf("–%d", g.To)
		}
		texts = append(texts, text)
	}
	if more := len(runs) - gapsShown; more > 0 {
		texts = append(texts, fmt.Sprintf("and %s more runs (--json names all)", text.Thousands(int64(more))))
	}
	return strings.Join(texts, ", ")
}

func (b *Books) writeRepair(out *strings.Builder) {
	r := b.Repair
	if r == nil {
		return
	}
	fmt.Fprintf(out, "\nRepaired: %s rows inserted, %s replaced, %s removed, %s left alone\n",
		text.Thousands(r.Inserted), text.Thousands(r.Replaced), text.Thousands(r.Removed), text.Thousands(r.Left))
}
