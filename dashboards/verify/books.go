package verify

import (
	"cmp"
	"slices"
	"time"

	"tajdeed/schema"
)

// Books are what a verification found, as `tajdeed verify --json` prints them.
type Books struct {
	Balanced bool `json:"balanced"`
	// Complete says that nothing was pending: everything that lay on the topics is verified.
	Complete bool `json:"complete"`
	// Watermark is the offset before which everything was verified, by partition:
	// "tajdeed.submissions.counter/3".
	Watermark map[string]int64 `json:"watermark"`
	TakenAt   time.Time        `json:"taken_at"`
	Seconds   float64          `json:"seconds"`
	// Simulation says that the installation is one.
	Simulation bool           `json:"simulation"`
	Totals     Terms          `json:"totals"`
	Channels   []ChannelBooks `json:"channels"`
	Topics     []TopicBooks   `json:"topics"`
	// Ignored counts events on the decisions topics of types that this edition does not know.
	Ignored int64 `json:"ignored"`
	// PersonsCompared says whether the persons and sponsors of ClickHouse's rows were
	// compared, which takes the pseudonym key.
	PersonsCompared bool `json:"persons_compared"`
	// Strays are the gaps that belong to no partition of the record.
	Strays []Stray `json:"strays"`
	Repair *Repair `json:"repair,omitempty"`
}

// ChannelBooks are the sums of one channel's books.
type ChannelBooks struct {
	Channel  schema.Channel `json:"channel"`
	Balanced bool           `json:"balanced"`
	Terms
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

// at is the partition.
func (p *PartitionBooks) at() schema.TopicPartition {
	return schema.TopicPartition{Topic: p.topic, Partition: p.Partition}
}

// Watermark is the offset before which a partition was verified: in the record, on the
// decisions and the quarantine topic, and in ClickHouse.
type Watermark struct {
	Record     int64 `json:"record"`
	Published  int64 `json:"published"`
	ClickHouse int64 `json:"clickhouse"`
}

// least is the offset before which everything was verified.
func (w Watermark) least() int64 { return min(w.Record, w.Published, w.ClickHouse) }

// Terms are one line of the books:
// consumed = decided + applied + duplicates + conflicts + quarantined = answers, but for the
// answers that are pending.
type Terms struct {
	Consumed    int64 `json:"consumed"`
	Decided     int64 `json:"decided"` // for the first time
	Applied     int64 `json:"applied"` // evidence; there is none yet
	Duplicates  int64 `json:"duplicates"`
	Conflicts   int64 `json:"conflicts"`
	Quarantined int64 `json:"quarantined"`
	// Answers counts the answers on the channel's decisions topic, each once: the decisions,
	// which are Published, and the notices of messages that cannot be read. Repeated counts the
	// copies beyond the first, which a worker publishes when it takes a partition over.
	Answers              int64   `json:"answers"`
	Published            int64   `json:"published"`
	Notices              int64   `json:"notices"`
	Repeated             int64   `json:"repeated"`
	QuarantinedPublished int64   `json:"quarantined_published"`
	ClickHouseRows       int64   `json:"clickhouse_rows"`       // of decisions
	ClickHouseUnreadable int64   `json:"clickhouse_unreadable"` // of messages that cannot be read
	Pending              Pending `json:"pending"`
}

// Pending counts what is on its way, which is no imbalance.
type Pending struct {
	Consume    int64 `json:"consume"`    // messages
	Publish    int64 `json:"publish"`    // answers and quarantined messages
	Answer     int64 `json:"answer"`     // the answers among these
	ClickHouse int64 `json:"clickhouse"` // rows
}

func (p Pending) none() bool { return p == Pending{} }

// decisions is how many decisions there are.
func (t *Terms) decisions() int64 { return t.Decided + t.Duplicates + t.Conflicts }

// accounted is the right side of the equation.
func (t *Terms) accounted() int64 { return t.decisions() + t.Applied + t.Quarantined }

func (t *Terms) add(other *Terms) {
	t.Consumed += other.Consumed
	t.Decided += other.Decided
	t.Applied += other.Applied
	t.Duplicates += other.Duplicates
	t.Conflicts += other.Conflicts
	t.Quarantined += other.Quarantined
	t.Answers += other.Answers
	t.Published += other.Published
	t.Notices += other.Notices
	t.Repeated += other.Repeated
	t.QuarantinedPublished += other.QuarantinedPublished
	t.ClickHouseRows += other.ClickHouseRows
	t.ClickHouseUnreadable += other.ClickHouseUnreadable
	t.Pending.Consume += other.Pending.Consume
	t.Pending.Publish += other.Pending.Publish
	t.Pending.Answer += other.Pending.Answer
	t.Pending.ClickHouse += other.Pending.ClickHouse
}

// Gap is a run of offsets where the books don't balance, both ends included.
type Gap struct {
	Kind GapKind `json:"kind"`
	From int64   `json:"from"`
	To   int64   `json:"to"`
}

// Stray is a gap of a partition that the record does not know, or of a topic that the
// stages publish on.
type Stray struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Gap
}

// GapKind says what is wrong with a run of offsets. These are the offsets of the messages
// that were consumed; only for [GapUnreadable] they are those of the topic that was read.
type GapKind string

// What can be wrong.
const (
	GapUnaccounted      GapKind = "unaccounted"        // consumed, and neither decided nor quarantined
	GapEmpty            GapKind = "no_message"         // consumed, holds no message, and was not skipped
	GapTwice            GapKind = "accounted_twice"    // decided and quarantined
	GapNotConsumed      GapKind = "not_consumed"       // decided or quarantined, outside the offsets that were consumed
	GapSkipped          GapKind = "skipped"            // the count of offsets without a message is too high
	GapBatchMissing     GapKind = "batch_missing"      // no batch covers it
	GapBatchOverlaps    GapKind = "batch_overlaps"     // two batches cover it
	GapBatchNotConsumed GapKind = "batch_not_consumed" // a batch covers it, beyond the offsets that were consumed

	GapNotPublished       GapKind = "not_published"       // decided and not on the decisions topic
	GapMisordered         GapKind = "misordered"          // there, after the answer to a later message
	GapPublishedOtherwise GapKind = "published_otherwise" // there with another content
	GapPublishedUnknown   GapKind = "published_unknown"   // there, and the record holds no decision

	GapNoticeNotPublished GapKind = "notice_not_published" // in quarantine, and its channel was not told
	GapNoticeOtherwise    GapKind = "notice_otherwise"     // its channel was told something else
	GapNoticeUnknown      GapKind = "notice_unknown"       // its channel was told so, and the record does not hold it

	GapQuarantineNotPublished GapKind = "quarantine_not_published"
	GapQuarantineMisordered   GapKind = "quarantine_misordered"
	GapQuarantineOtherwise    GapKind = "quarantine_otherwise"
	GapQuarantineUnknown      GapKind = "quarantine_unknown"

	GapMissing   GapKind = "clickhouse_missing"
	GapDoubled   GapKind = "clickhouse_doubled"
	GapDifferent GapKind = "clickhouse_different"
	GapUnknown   GapKind = "clickhouse_unknown" // the record holds no such decision

	GapUnreadableMissing   GapKind = "clickhouse_unreadable_missing" // the same four of messages that cannot be read
	GapUnreadableDoubled   GapKind = "clickhouse_unreadable_doubled"
	GapUnreadableDifferent GapKind = "clickhouse_unreadable_different"
	GapUnreadableUnknown   GapKind = "clickhouse_unreadable_unknown"

	GapUnreadable GapKind = "unreadable" // on a topic that the stages publish on, and not as they publish
)

// gapKinds are the kinds in the order in which the books list them.
var gapKinds = []GapKind{
	GapUnaccounted, GapEmpty, GapTwice, GapNotConsumed, GapSkipped, GapBatchMissing, GapBatchOverlaps, GapBatchNotConsumed,
	GapNotPublished, GapMisordered, GapPublishedOtherwise, GapPublishedUnknown,
	GapNoticeNotPublished, GapNoticeOtherwise, GapNoticeUnknown,
	GapQuarantineNotPublished, GapQuarantineMisordered, GapQuarantineOtherwise, GapQuarantineUnknown,
	GapMissing, GapDoubled, GapDifferent, GapUnknown,
	GapUnreadableMissing, GapUnreadableDoubled, GapUnreadableDifferent, GapUnreadableUnknown, GapUnreadable,
}

// addGap adds a run of offsets, to not included.
func (p *PartitionBooks) addGap(kind GapKind, from, to int64) {
	p.Gaps = append(p.Gaps, Gap{kind, from, to - 1})
}

// gapsOf returns the gaps of one kind.
func (p *PartitionBooks) gapsOf(kind GapKind) (found []Gap) {
	for _, g := range p.Gaps {
		if g.Kind == kind {
			found = append(found, g)
		}
	}
	return found
}

// removeGaps takes the gaps of one kind out of the books and returns them.
func (p *PartitionBooks) removeGaps(kind GapKind) []Gap {
	removed := p.gapsOf(kind)
	p.Gaps = slices.DeleteFunc(p.Gaps, func(g Gap) bool { return g.Kind == kind })
	return removed
}

// countOffsets is how many offsets the gaps cover.
func countOffsets(gaps []Gap) (n int64) {
	for _, g := range gaps {
		n += g.To - g.From + 1
	}
	return n
}

// balance ends the books: it sets the totals and the watermarks, and says whether they
// balance.
func (b *Books) balance(takenAt time.Time, topics schema.Topics) {
	b.TakenAt, b.Balanced = takenAt.In(schema.Kuwait).Truncate(time.Millisecond), len(b.Strays) == 0
	for p := range b.all {
		p.balance()
		b.Balanced = b.Balanced && p.Balanced
		b.Totals.add(&p.Terms)
		b.Watermark[p.at().String()] = p.Watermark.least()
		if c, ok := topics.SubmissionsChannel(p.topic); ok {
			b.channel(c).add(p)
		}
	}
	b.Complete = b.Totals.Pending.none()
}

// balance ends the books of a partition: it joins gaps that touch, and puts them in the
// order of gapKinds.
func (p *PartitionBooks) balance() {
	slices.SortFunc(p.Gaps, func(a, b Gap) int {
		return cmp.Or(cmp.Compare(slices.Index(gapKinds, a.Kind), slices.Index(gapKinds, b.Kind)), cmp.Compare(a.From, b.From))
	})
	joined := p.Gaps[:0]
	for _, g := range p.Gaps {
		if last := len(joined) - 1; last >= 0 && joined[last].Kind == g.Kind && joined[last].To >= g.From-1 {
			joined[last].To = max(joined[last].To, g.To)
			continue
		}
		joined = append(joined, g)
	}
	p.Gaps = joined
	p.Answers = p.Published + p.Notices
	p.Balanced = len(p.Gaps) == 0 && p.Consumed == p.accounted() && p.Consumed == p.Answers+p.Pending.Answer
}

// channel returns the books of a channel, and opens them if they are new.
func (b *Books) channel(c schema.Channel) *ChannelBooks {
	at, found := slices.BinarySearchFunc(b.Channels, c, func(of ChannelBooks, name schema.Channel) int { return cmp.Compare(of.Channel, name) })
	if !found {
		b.Channels = slices.Insert(b.Channels, at, ChannelBooks{Channel: c, Balanced: true})
	}
	return &b.Channels[at]
}

func (c *ChannelBooks) add(p *PartitionBooks) {
	c.Terms.add(&p.Terms)
	c.Balanced = c.Balanced && p.Balanced
}

// partition returns the books of a partition, and opens them if they are new.
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

// all iterates over the partitions, in the order of topics and partitions.
func (b *Books) all(yield func(*PartitionBooks) bool) {
	for _, topic := range b.Topics {
		for _, p := range topic.Partitions {
			if !yield(p) {
				return
			}
		}
	}
}
