package verify

import (
	"fmt"
	"io"
	"slices"
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
	if b.Simulation {
		out.WriteString("SIMULATION: its people are made up, and nothing here holds for anybody.\n")
	}
	b.writeChannels(&out)
	for i := range b.Topics {
		if t := &b.Topics[i]; len(b.Topics) == 1 || !t.balanced() {
			t.write(&out)
		}
	}
	b.writePending(&out)
	if !b.PersonsCompared {
		out.WriteString("\nPersons and sponsors were not compared with ClickHouse: that takes the --pseudonym-key\n")
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
	return fmt.Sprintf("%s. Verified as of %s, in %.1f s.", result, text.Second(b.TakenAt), b.Seconds)
}

// writeChannels writes the equation, a line for each channel. Partitions are for those that
// don't balance.
func (b *Books) writeChannels(out *strings.Builder) {
	lines := text.NewTable("Channel", "Consumed", "Decided", "Again", "Conflict", "Quarant.", "Answers", "ClickHouse")
	var sum Terms
	for i := range b.Channels {
		c := &b.Channels[i]
		name := shortened(string(c.Channel), channelWidth)
		if !c.Balanced {
			name = "✗ " + name
		}
		lines.AppendRow(append(table.Row{name}, c.row()...))
		sum.add(&c.Terms)
	}
	lines.AppendFooter(append(table.Row{""}, sum.row()...))
	text.AlignRight(lines, 2, 8)
	text.WriteTable(out, "consumed = decided + sent again + conflicts + quarantined = answers", lines)
}

// channelWidth is how much of a channel's name the table has room for. JSON has all of it.
const channelWidth = 20

func shortened(name string, width int) string {
	if len(name) > width {
		return name[:width-1] + "…"
	}
	return name
}

func (t *TopicBooks) balanced() bool {
	return !slices.ContainsFunc(t.Partitions, func(p *PartitionBooks) bool { return !p.Balanced })
}

// write writes a topic's equation, a line for each partition.
func (t *TopicBooks) write(out *strings.Builder) {
	lines := text.NewTable("Part.", "Up to", "Consumed", "Decided", "Again", "Conflict", "Quarant.", "Answers", "ClickHouse")
	var sum Terms
	for _, p := range t.Partitions {
		name := fmt.Sprint(p.Partition)
		if !p.Balanced {
			name = "✗ " + name
		}
		lines.AppendRow(append(table.Row{name, text.Thousands(p.Watermark.least())}, p.row()...))
		sum.add(&p.Terms)
	}
	lines.AppendFooter(append(table.Row{"", ""}, sum.row()...))
	text.AlignRight(lines, 1, 9)
	text.WriteTable(out, t.Topic, lines)
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

// writePending writes what is on its way.
func (b *Books) writePending(out *strings.Builder) {
	p := b.Totals.Pending
	if p.none() {
		return
	}
	fmt.Fprintf(out, "\nOn their way, not verified yet: %s messages to decide, %s to announce, %s rows\n",
		text.Thousands(p.Consume), text.Thousands(p.Publish), text.Thousands(p.ClickHouse))
}

// gapTexts say what is wrong.
var gapTexts = map[GapKind]string{
	GapUnaccounted:            "consumed, and neither decided nor quarantined",
	GapEmpty:                  "consumed, and no message lies there",
	GapTwice:                  "decided and quarantined",
	GapNotConsumed:            "decided or quarantined, and never consumed",
	GapSkipped:                "more was skipped, by the record's count, than holds no message",
	GapBatchMissing:           "covered by no batch",
	GapBatchOverlaps:          "covered by two batches",
	GapBatchNotConsumed:       "covered by a batch, and never consumed",
	GapNotPublished:           "decided, and not on the decisions topic",
	GapMisordered:             "on the decisions topic behind a later one",
	GapPublishedOtherwise:     "on the decisions topic with another content",
	GapPublishedUnknown:       "on the decisions topic, and not in the record",
	GapNoticeNotPublished:     "quarantined, and its channel was not told",
	GapNoticeOtherwise:        "quarantined, and its channel was told something else",
	GapNoticeUnknown:          "its channel was told that it cannot be read, and it is not in the record",
	GapQuarantineNotPublished: "quarantined, and not on the quarantine topic",
	GapQuarantineMisordered:   "on the quarantine topic behind a later one",
	GapQuarantineOtherwise:    "on the quarantine topic for another reason",
	GapQuarantineUnknown:      "on the quarantine topic, and not in the record",
	GapMissing:                "missing in ClickHouse",
	GapDoubled:                "doubled in ClickHouse",
	GapDifferent:              "different in ClickHouse",
	GapUnknown:                "in ClickHouse, and not in the record",
	GapUnreadableMissing:      "quarantined, and missing in ClickHouse",
	GapUnreadableDoubled:      "quarantined, and doubled in ClickHouse",
	GapUnreadableDifferent:    "quarantined, and different in ClickHouse",
	GapUnreadableUnknown:      "unreadable by ClickHouse, and not in the record",
	GapUnreadable:             "on this topic, and not published by a stage",
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
