package verify

import (
	"context"
	"strconv"
	"sync"

	client "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// announcement is a decision, or a quarantined message, as it lies on its topic.
type announcement struct {
	causeTopic             string
	causeOffset            int64
	fingerprint            int64
	parties                parties
	logOffset, publishedAt int64 // on the topic that was read; in milliseconds since 1970
}

// announcements is what lies on the decisions topic and on the quarantine topic, by
// partition and in the order of the topic.
type announcements struct {
	mu          sync.Mutex
	decisions   map[int][]announcement
	quarantined map[int][]announcement
	strays      []Stray
}

// partitionsAtOnce is how many partitions are read at once: decoding is the work.
const partitionsAtOnce = 4

// readAnnouncements reads both topics up to given ends.
func readAnnouncements(ctx context.Context, brokers []string, transport *client.Transport, topics schema.Topics, decisions, quarantine map[int]kafka.End) (*announcements, error) {
	a := &announcements{decisions: map[int][]announcement{}, quarantined: map[int][]announcement{}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partitionsAtOnce)
	for partition, end := range decisions {
		group.Go(func() error {
			r := announcementReader{log: newLogReader(brokers, transport), partition: partition, topics: map[string]string{}}
			return r.readPartition(ctx, a, a.decisions, topics.Decisions, end, r.decision)
		})
	}
	for partition, end := range quarantine {
		group.Go(func() error {
			r := announcementReader{
				log: newLogReader(brokers, transport), partition: partition, topics: map[string]string{},
				ignored: topics.Decisions, // the stage analytics quarantines its messages, and the record does not hold them
			}
			return r.readPartition(ctx, a, a.quarantined, topics.Quarantine, end, r.quarantined)
		})
	}
	return a, group.Wait()
}

// announcementReader reads one partition of a topic.
type announcementReader struct {
	log          *logReader
	partition    int
	fingerprints fingerprinter
	topics       map[string]string // see intern
	ignored      string            // messages that this topic caused are left out
}

// readPartition reads every message of the partition and keeps what decode makes of it. A
// message that decode refuses is a stray, which is named by its place only: it may say
// anything about anybody.
func (r *announcementReader) readPartition(ctx context.Context, a *announcements, into map[int][]announcement, topic string, end kafka.End, decode func(*topicMessage) (announcement, bool)) error {
	found := make([]announcement, 0, max(0, end.Next-end.First))
	var strays []Stray
	err := r.log.read(ctx, topic, r.partition, end.First, end.Next, func(m *topicMessage) error {
		announced, ok := decode(m)
		switch {
		case !ok:
			strays = append(strays, Stray{topic, r.partition, Gap{GapUnreadable, m.offset, m.offset}})
		case announced.causeTopic != r.ignored:
			found = append(found, announced)
		}
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	into[r.partition] = found
	a.strays = append(a.strays, strays...)
	return err
}

// decision decodes a message of the decisions topic. The stages publish a decision in the
// partition of its cause: one that lies elsewhere is not ours.
func (r *announcementReader) decision(m *topicMessage) (a announcement, ok bool) {
	d, err := schema.ReadDecision(m.key, m.value, m.headers)
	if err != nil || d.Cause.Partition != r.partition {
		return a, false
	}
	return announcement{
		causeTopic: r.intern(d.Cause.Topic), causeOffset: d.Cause.Offset, fingerprint: r.fingerprints.decision(&d),
		parties:   parties{int64(d.CivilID), int64(d.SponsorID)},
		logOffset: m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}, true
}

// quarantined decodes where a message of the quarantine topic came from.
func (r *announcementReader) quarantined(m *topicMessage) (a announcement, ok bool) {
	origin := map[string]string{}
	for _, h := range m.headers {
		origin[h.Key] = string(h.Value) // the stage appends its own: the last of a name counts
	}
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	if err != nil || offset < 0 || origin[schema.HeaderOriginPartition] != strconv.Itoa(r.partition) {
		return a, false
	}
	return announcement{
		causeTopic: r.intern(origin[schema.HeaderOriginTopic]), causeOffset: offset,
		fingerprint: r.fingerprints.quarantined(offset, origin[schema.HeaderQuarantineRule]),
		logOffset:   m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}, true
}

// intern returns one copy of a name that every message repeats.
func (r *announcementReader) intern(topic string) string {
	kept, ok := r.topics[topic]
	if !ok {
		r.topics[topic], kept = topic, topic
	}
	return kept
}

// topicComparison compares the entries of one partition with what lies on a topic.
type topicComparison struct {
	books   *PartitionBooks
	entries *entries
	// The kinds of gaps on this topic.
	notPublished, misordered, different, unknown GapKind

	published, repeated int64 // what was counted
	highest             int64 // cause so far
}

// compareDecisions compares a partition's decisions with the decisions topic.
func compareDecisions(p *PartitionBooks, decisions *entries, announced []announcement, published int64) {
	c := topicComparison{
		books: p, entries: decisions, highest: -1, notPublished: GapNotPublished,
		misordered: GapMisordered, different: GapPublishedOtherwise, unknown: GapPublishedUnknown,
	}
	c.compare(announced, published)
	p.Published, p.Repeated = c.published, c.repeated
}

// compareQuarantined compares a partition's messages in quarantine with the quarantine
// topic.
func compareQuarantined(p *PartitionBooks, quarantined *entries, announced []announcement, published int64) {
	c := topicComparison{
		books: p, entries: quarantined, highest: -1, notPublished: GapQuarantineNotPublished,
		misordered: GapQuarantineMisordered, different: GapQuarantineOtherwise, unknown: GapQuarantineUnknown,
	}
	c.compare(announced, published)
	p.QuarantinedPublished = c.published
}

// compare compares each message of the topic with the record, in the order of the topic,
// and then looks for the entries that lie nowhere there. Those before the offset
// published should.
func (c *topicComparison) compare(announced []announcement, published int64) {
	for i := range announced {
		if announced[i].causeTopic == c.books.topic {
			c.compareMessage(&announced[i])
		}
	}
	for i, offset := range c.entries.offsets {
		switch {
		case c.entries.logOffsets[i] != notOnTopic:
		case offset < published:
			c.books.addGap(c.notPublished, offset, offset+1)
		default:
			c.books.Pending.Publish++
			c.books.Watermark.Published = min(c.books.Watermark.Published, offset)
		}
	}
}

// compareMessage compares one message of the topic with the record. A message may be
// repeated, but the first copies must lie in the order of their causes.
func (c *topicComparison) compareMessage(a *announcement) {
	i, known := c.entries.index(a.causeOffset)
	if !known {
		c.books.addGap(c.unknown, a.causeOffset, a.causeOffset+1)
		return
	}
	if c.entries.fingerprints[i] != a.fingerprint || c.entries.parties[i] != a.parties {
		c.books.addGap(c.different, a.causeOffset, a.causeOffset+1)
	}
	if c.entries.logOffsets[i] != notOnTopic {
		c.repeated++
		return
	}
	c.entries.logOffsets[i], c.entries.publishedAt[i] = a.logOffset, a.publishedAt
	c.published++
	if a.causeOffset < c.highest {
		c.books.addGap(c.misordered, a.causeOffset, a.causeOffset+1)
	}
	c.highest = max(c.highest, a.causeOffset)
}

// addStrays adds to the books what lies on the topics for partitions that the record does
// not know, and what could not be decoded.
func (a *announcements) addStrays(record *recordContents) {
	b := record.books
	for kind, partitions := range map[GapKind]map[int][]announcement{GapPublishedUnknown: a.decisions, GapQuarantineUnknown: a.quarantined} {
		for partition, announced := range partitions {
			for i := range announced {
				cause := topicPartition{announced[i].causeTopic, partition}
				if offset := announced[i].causeOffset; !record.knows(cause) {
					b.Strays = append(b.Strays, Stray{cause.topic, cause.partition, Gap{kind, offset, offset}})
				}
			}
		}
	}
	b.Strays = append(b.Strays, a.strays...)
}
