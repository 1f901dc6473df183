package verify

import (
	"cmp"
	"slices"
	"time"
)

// Books are what `tajdeed verify` found, as --json prints them.
type Books struct {
	Balanced bool `json:"balanced"`
	// Complete says that nothing was pending: all that was published is verified.
	Complete bool `json:"complete"`
	// Watermark is the offset of each partition before which everything was
	// verified: "tajdeed.submissions/3".
	Watermark map[string]int64 `json:"watermark"`
	TakenAt   time.Time        `json:"taken_at"`
	Seconds   float64          `json:"seconds"`
	Totals    Terms            `json:"totals"`
	Topics    []TopicBooks     `json:"topics"`
	// PersonsCompared says whether the persons and sponsors of ClickHouse's rows were
	// compared, which takes the pseudonym key.
	PersonsCompared bool `json:"persons_compared"`
	// Strays lie where no partition of the record accounts for them.
	Strays []Stray `json:"strays"`
	Repair *Repair `json:"repair,omitempty"`
}

// TopicBooks are the books of one topic that a stage reads.
type TopicBooks struct {
	Topic      string            `json:"topic"`
	Partitions []*PartitionBooks `json:"partitions"`
}

// PartitionBooks are the books of one partition.
type PartitionBooks struct {
	Partition int       `json:"partition"`
	Balanced  bool      `json:"balanced"`
	Watermark Watermark `json:"watermark"`
	First     int64     `json:"first_offset"`
	Next      int64     `json:"next_offset"`
	Skipped   int64     `json:"skipped"` // offsets that hold no message
	Terms
	Gaps []Gap `json:"gaps"`

	topic string
}

// Watermark is the offset before which a partition was verified: in the record, on
// the topics that are announced on, and in ClickHouse.
type Watermark struct {
	Record     int64 `json:"record"`
	Published  int64 `json:"published"`
	ClickHouse int64 `json:"clickhouse"`
}

// least is the offset before which everything was verified.
func (w Watermark) least() int64 { return min(w.Record, w.Published, w.ClickHouse) }

// Terms is one line of the books:
// consumed = decided + applied + duplicates + conflicts + quarantined.
type Terms struct {
	Consumed    int64 `json:"consumed"`
	Decided     int64 `json:"decided"` // for the first time
	Applied     int64 `json:"applied"` // evidence; there is none yet
	Duplicates  int64 `json:"duplicates"`
	Conflicts   int64 `json:"conflicts"`
	Quarantined int64 `json:"quarantined"`
	// Published counts the decisions on their topic, each once; Repeated how often
	// one lies there again, which a takeover does.
	Published            int64   `json:"published"`
	Repeated             int64   `json:"repeated"`
	QuarantinedPublished int64   `json:"quarantined_published"`
	ClickHouseRows       int64   `json:"clickhouse_rows"`
	Pending              Pending `json:"pending"`
}

// Pending is what is on its way, and no imbalance.
type Pending struct {
	Consume    int64 `json:"consume"` // messages
	Publish    int64 `json:"publish"` // decisions and quarantined messages
	ClickHouse int64 `json:"clickhouse"`
}

func (p Pending) none() bool { return p == Pending{} }

// decisions is how many decisions there are.
func (a *Terms) decisions() int64 { return a.Decided + a.Duplicates + a.Conflicts }

// accounted is the right side of the equation.
func (a *Terms) accounted() int64 { return a.decisions() + a.Applied + a.Quarantined }

func (a *Terms) add(b *Terms) {
	a.Consumed += b.Consumed
	a.Decided += b.Decided
	a.Applied += b.Applied
	a.Duplicates += b.Duplicates
	a.Conflicts += b.Conflicts
	a.Quarantined += b.Quarantined
	a.Published += b.Published
	a.Repeated += b.Repeated
	a.QuarantinedPublished += b.QuarantinedPublished
	a.ClickHouseRows += b.ClickHouseRows
	a.Pending.Consume += b.Pending.Consume
	a.Pending.Publish += b.Pending.Publish
	a.Pending.ClickHouse += b.Pending.ClickHouse
}

// Gap is a run of offsets where the books don't balance, both ends included.
type Gap struct {
	Kind GapKind `json:"kind"`
	From int64   `json:"from"`
	To   int64   `json:"to"`
}

// Stray is a run of offsets of a partition that the record accounts for nothing in.
type Stray struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Gap
}

// GapKind says what is wrong with a run of offsets. The offsets are those of the
// messages that were consumed, but for what could not be read on another topic.
type GapKind string

// What can be wrong.
const (
	GapUnaccounted      GapKind = "unaccounted"        // consumed, and neither decided nor quarantined
	GapEmpty            GapKind = "no_message"         // consumed, holds no message, and was not skipped
	GapTwice            GapKind = "accounted_twice"    // decided and quarantined
	GapNotConsumed      GapKind = "not_consumed"       // accounted for, where the position never was
	GapSkipped          GapKind = "skipped"            // the count of offsets without a message is too high
	GapBatchMissing     GapKind = "batch_missing"      // no batch covers it
	GapBatchOverlaps    GapKind = "batch_overlaps"     // two do
	GapBatchNotConsumed GapKind = "batch_not_consumed" // one does, where the position never was

	GapNotPublished       GapKind = "not_published"       // decided and not on the decisions topic
	GapMisordered         GapKind = "misordered"          // there behind a later one
	GapPublishedOtherwise GapKind = "published_otherwise" // there with another content
	GapPublishedUnknown   GapKind = "published_unknown"   // there, and the record holds no decision

	GapQuarantineNotPublished GapKind = "quarantine_not_published"
	GapQuarantineMisordered   GapKind = "quarantine_misordered"
	GapQuarantineOtherwise    GapKind = "quarantine_otherwise"
	GapQuarantineUnknown      GapKind = "quarantine_unknown"

	GapMissing   GapKind = "clickhouse_missing"
	GapDoubled   GapKind = "clickhouse_doubled"
	GapDifferent GapKind = "clickhouse_different"
	GapUnknown   GapKind = "clickhouse_unknown" // the record holds no such decision

	GapUnreadable GapKind = "unreadable" // on a topic that we publish on, and nothing that we published
)

// gapKinds are the kinds in the order in which they are told.
var gapKinds = []GapKind{
	GapUnaccounted, GapEmpty, GapTwice, GapNotConsumed, GapSkipped, GapBatchMissing, GapBatchOverlaps, GapBatchNotConsumed,
	GapNotPublished, GapMisordered, GapPublishedOtherwise, GapPublishedUnknown,
	GapQuarantineNotPublished, GapQuarantineMisordered, GapQuarantineOtherwise, GapQuarantineUnknown,
	GapMissing, GapDoubled, GapDifferent, GapUnknown, GapUnreadable,
}

// find notes a run of offsets, the last not included.
func (p *PartitionBooks) addGap(kind GapKind, from, to int64) {
	p.Gaps = append(p.Gaps, Gap{kind, from, to - 1})
}

// of are the runs of one kind.
func (p *PartitionBooks) gapsOf(kind GapKind) (runs []Gap) {
	for _, g := range p.Gaps {
		if g.Kind == kind {
			runs = append(runs, g)
		}
	}
	return runs
}

// close draws the line under a partition: runs that touch become one, in the order in
// which they are told.
func (p *PartitionBooks) balance() {
	slices.SortFunc(p.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(slices.Index(gapKinds, a.Kind), slices.Index(gapKinds, b.Kind)), cmp.Compare(a.From, b.From))
	})
	runs := p.Gaps[:0]
	for _, g := range p.Gaps {
		if last := len(runs) - 1; last >= 0 && runs[last].Kind == g.Kind && runs[last].To >= g.From-1 {
			runs[last].To = max(runs[last].To, g.To)
			continue
		}
		runs = append(runs, g)
	}
	p.Gaps = runs
	p.Balanced = len(p.Gaps) == 0 && p.Consumed == p.accounted()
}

// partition returns the books of a partition, opened if they are not.
func (b *Books) partition(topic string, partition int) *PartitionBooks {
	at, found := slices.BinarySearchFunc(b.Topics, topic, func(t TopicBooks, name string) int { return cmp.Compare(t.Topic, name) })
	if !found {
		b.Topics = slices.Insert(b.Topics, at, TopicBooks{Topic: topic})
	}
	t := &b.Topics[at]
	i, found := slices.BinarySearchFunc(t.Partitions, partition, func(p *PartitionBooks, n int) int { return cmp.Compare(p.Partition, n) })
	if !found {
		t.Partitions = slices.Insert(t.Partitions, i, &PartitionBooks{topic: topic, Partition: partition, Gaps: []Gap{}})
	}
	return t.Partitions[i]
}

// all goes through the partitions in their order.
func (b *Books) all(yield func(*PartitionBooks) bool) {
	for _, topic := range b.Topics {
		for _, p := range topic.Partitions {
			if !yield(p) {
				return
			}
		}
	}
}
