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
	// Simulation says that the installation is one: its books are about nobody.
	Simulation bool `json:"simulation"`
	// Watermark is the offset before which everything was verified, by partition:
	// "tajdeed.submissions.counter/3".
	Watermark map[string]int64 `json:"watermark"`
	TakenAt   time.Time        `json:"taken_at"`
	Seconds   float64          `json:"seconds"`
	Totals    Terms            `json:"totals"` // of all channels
	Channels  []ChannelBooks   `json:"channels"`
	// PersonsCompared says whether the persons and sponsors of ClickHouse's rows were
	// compared, which takes the pseudonym key.
	PersonsCompared bool `json:"persons_compared"`
	// Ignored counts events on the decisions topics of types that this edition does not know.
	Ignored int64 `json:"ignored"`
	// Strays are the gaps that belong to no partition of a channel.
	Strays []Stray `json:"strays"`
	Repair *Repair `json:"repair,omitempty"`

	topics schema.Topics
}

// newBooks returns books in which nothing is written.
func newBooks(topics schema.Topics, simulation bool) *Books {
	return &Books{
		Simulation: simulation, Watermark: map[string]int64{}, Channels: []ChannelBooks{}, Strays: []Stray{}, topics: topics,
	}
}

// ChannelBooks are the books of one channel: the sums of its partitions'.
type ChannelBooks struct {
	// Channel is empty for a topic of the record that is no channel's.
	Channel  schema.Channel `json:"channel"`
	Topic    string         `json:"topic"` // that it submits on
	Balanced bool           `json:"balanced"`
	Terms
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

// at is the partition whose messages the books account for.
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

// Gap is a run of offsets where the books don't balance, both ends included.
type Gap struct {
	Kind GapKind `json:"kind"`
	From int64   `json:"from"`
	To   int64   `json:"to"`
}

// Stray is a gap of a partition that no channel has, or of a topic that the stages publish
// on.
type Stray struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Gap
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
func (b *Books) balance(takenAt time.Time) {
	b.TakenAt, b.Balanced = takenAt.In(schema.Kuwait).Truncate(time.Millisecond), len(b.Strays) == 0
	for i := range b.Channels {
		c := &b.Channels[i]
		c.Balanced = true
		for _, p := range c.Partitions {
			p.balance()
			c.Balanced = c.Balanced && p.Balanced
			c.add(&p.Terms)
			b.Watermark[p.at().String()] = p.Watermark.least()
		}
		b.Balanced = b.Balanced && c.Balanced
		b.Totals.add(&c.Terms)
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
	p.Unanswered = p.Consumed - p.Applied - p.Answers - p.Pending.Publish
	p.Balanced = len(p.Gaps) == 0 && p.Consumed == p.accounted() && p.Unanswered == 0
}

// partition returns the books of a partition, and opens them if they are new.
func (b *Books) partition(topic string, partition int) *PartitionBooks {
	at, found := b.indexOf(topic)
	if !found {
		channel, _ := b.topics.SubmissionsChannel(topic)
		b.Channels = slices.Insert(b.Channels, at, ChannelBooks{Channel: channel, Topic: topic})
	}
	c := &b.Channels[at]
	i, found := c.indexOf(partition)
	if !found {
		c.Partitions = slices.Insert(c.Partitions, i, &PartitionBooks{topic: topic, Partition: partition, Gaps: []Gap{}})
	}
	return c.Partitions[i]
}

// find returns the books of a partition, nil if none were opened.
func (b *Books) find(p schema.TopicPartition) *PartitionBooks {
	at, found := b.indexOf(p.Topic)
	if !found {
		return nil
	}
	i, found := b.Channels[at].indexOf(p.Partition)
	if !found {
		return nil
	}
	return b.Channels[at].Partitions[i]
}

func (b *Books) indexOf(topic string) (int, bool) {
	return slices.BinarySearchFunc(b.Channels, topic, func(c ChannelBooks, name string) int { return cmp.Compare(c.Topic, name) })
}

func (c *ChannelBooks) indexOf(partition int) (int, bool) {
	return slices.BinarySearchFunc(c.Partitions, partition, func(p *PartitionBooks, n int) int { return cmp.Compare(p.Partition, n) })
}

// all iterates over the partitions, in the order of topics and partitions.
func (b *Books) all(yield func(*PartitionBooks) bool) {
	for _, c := range b.Channels {
		for _, p := range c.Partitions {
			if !yield(p) {
				return
			}
		}
	}
}
