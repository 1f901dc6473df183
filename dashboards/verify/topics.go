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

// sighting is a decision, or a quarantined message, as it lies on its topic.
type announcement struct {
	topic                    string // of the cause
	causeOffset, fingerprint int64
	parties                  parties
	logOffset, publishedAt   int64 // on the topic that was read
}

// onTopics is what lies on the topics that are announced on, by partition and in
// its order.
type announcements struct {
	mu          sync.Mutex
	decisions   map[int][]announcement
	quarantined map[int][]announcement
	strays      []Stray
}

// logReaders is how many partitions are read at once: decoding is the work.
const logReaders = 4

// readAnnounced reads both topics up to given ends.
func readAnnouncements(ctx context.Context, brokers []string, transport *client.Transport, topics schema.Topics, decisions, quarantine map[int]kafka.End) (*announcements, error) {
	a := &announcements{decisions: map[int][]announcement{}, quarantined: map[int][]announcement{}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(logReaders)
	for partition, end := range decisions {
		group.Go(func() error {
			look := announcementReader{log: newLogReader(brokers, transport), partition: partition, topics: map[string]string{}}
			return look.readPartition(ctx, a, a.decisions, topicPartition{topics.Decisions, partition}, end, look.decision)
		})
	}
	for partition, end := range quarantine {
		group.Go(func() error {
			look := announcementReader{log: newLogReader(brokers, transport), partition: partition, topics: map[string]string{}, ignoredTopic: topics.Decisions}
			return look.readPartition(ctx, a, a.quarantined, topicPartition{topics.Quarantine, partition}, end, look.quarantined)
		})
	}
	return a, group.Wait()
}

// looker looks at one partition of a topic.
type announcementReader struct {
	log          *logReader
	partition    int
	fingerprints fingerprinter
	topics       map[string]string // each name once
	ignoredTopic string            // a topic whose unreadable messages no record accounts for
}

// all looks at every message of a partition, and keeps what it sees. What cannot be
// read as one of ours is named by its place only: who knows what it says.
func (l *announcementReader) readPartition(ctx context.Context, a *announcements, into map[int][]announcement, of topicPartition, end kafka.End, look func(*topicMessage) (announcement, bool)) error {
	seen := make([]announcement, 0, max(0, end.Next-end.First))
	var strays []Stray
	err := l.log.read(ctx, of.topic, of.partition, end.First, end.Next, func(m *topicMessage) error {
		s, ok := look(m)
		switch {
		case !ok:
			strays = append(strays, Stray{of.topic, of.partition, Gap{GapUnreadable, m.offset, m.offset}})
		case s.topic != l.ignoredTopic:
			seen = append(seen, s)
		}
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	into[of.partition] = seen
	a.strays = append(a.strays, strays...)
	return err
}

// decision reads a message of the decisions topic. One that does not lie in its
// cause's partition is none of ours.
func (l *announcementReader) decision(m *topicMessage) (s announcement, ok bool) {
	d, err := schema.ReadDecision(m.key, m.value, m.headers)
	if err != nil || d.Cause.Partition != l.partition {
		return s, false
	}
	return announcement{
		topic: l.intern(d.Cause.Topic), causeOffset: d.Cause.Offset, fingerprint: l.fingerprints.decision(&d),
		parties: parties{int64(d.CivilID), int64(d.SponsorID)}, logOffset: m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}, true
}

// quarantined reads where a message of the quarantine topic came from.
func (l *announcementReader) quarantined(m *topicMessage) (s announcement, ok bool) {
	origin := map[string]string{}
	for _, h := range m.headers {
		origin[h.Key] = string(h.Value) // the last of a name is ours
	}
	cause, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	if err != nil || cause < 0 || origin[schema.HeaderOriginPartition] != strconv.Itoa(l.partition) {
		return s, false
	}
	return announcement{
		topic: l.intern(origin[schema.HeaderOriginTopic]), causeOffset: cause,
		fingerprint: l.fingerprints.quarantined(cause, origin[schema.HeaderQuarantineRule]),
		logOffset:   m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}, true
}

// once keeps one copy of a name that every message repeats.
func (l *announcementReader) intern(topic string) string {
	kept, ok := l.topics[topic]
	if !ok {
		l.topics[topic], kept = topic, topic
	}
	return kept
}

// topicComparison is how what the record holds of a lane is looked for on a topic.
type topicComparison struct {
	books                                        *PartitionBooks
	entries                                      *entries
	notPublished, misordered, different, unknown GapKind
	published, repeated                          int64
	highest                                      int64
}

// compareDecisions looks for a lane's decisions among what lies in its partition.
func compareDecisions(p *PartitionBooks, e *entries, seen []announcement, watermark int64) {
	a := topicComparison{
		books: p, entries: e, highest: -1, notPublished: GapNotPublished,
		misordered: GapMisordered, different: GapPublishedOtherwise, unknown: GapPublishedUnknown,
	}
	a.compare(seen, watermark)
	p.Published, p.Repeated = a.published, a.repeated
}

// compareQuarantined does the same with what the lane has in quarantine.
func compareQuarantined(p *PartitionBooks, e *entries, seen []announcement, watermark int64) {
	a := topicComparison{
		books: p, entries: e, highest: -1, notPublished: GapQuarantineNotPublished,
		misordered: GapQuarantineMisordered, different: GapQuarantineOtherwise, unknown: GapQuarantineUnknown,
	}
	a.compare(seen, watermark)
	p.QuarantinedPublished = a.published
}

// strangers are what lies on a topic for lanes that the record doesn't know.
func (a *announcements) addStrays(b *Books, known func(topicPartition) bool) {
	for kind, topic := range map[GapKind]map[int][]announcement{GapPublishedUnknown: a.decisions, GapQuarantineUnknown: a.quarantined} {
		for partition, seen := range topic {
			for _, s := range seen {
				if !known(topicPartition{s.topic, partition}) {
					b.Strays = append(b.Strays, Stray{s.topic, partition, Gap{kind, s.causeOffset, s.causeOffset}})
				}
			}
		}
	}
	b.Strays = append(b.Strays, a.strays...)
}

// compare goes through the topic in its order, and then through what was not there.
func (a *topicComparison) compare(seen []announcement, watermark int64) {
	for i := range seen {
		if seen[i].topic == a.books.topic {
			a.compareMessage(&seen[i])
		}
	}
	for i, offset := range a.entries.offsets {
		switch {
		case a.entries.logOffsets[i] != notOnTopic:
		case offset < watermark:
			a.books.addGap(a.notPublished, offset, offset+1)
		default:
			a.books.Pending.Publish++
			a.books.Watermark.Published = min(a.books.Watermark.Published, offset)
		}
	}
}

// see compares one message with the record. It may be a repeat, but the first of each
// come in the order of their causes.
func (a *topicComparison) compareMessage(s *announcement) {
	i, known := a.entries.index(s.causeOffset)
	if !known {
		a.books.addGap(a.unknown, s.causeOffset, s.causeOffset+1)
		return
	}
	if a.entries.fingerprints[i] != s.fingerprint || a.entries.parties[i] != s.parties {
		a.books.addGap(a.different, s.causeOffset, s.causeOffset+1)
	}
	if a.entries.logOffsets[i] != notOnTopic {
		a.repeated++
		return
	}
	a.entries.logOffsets[i], a.entries.publishedAt[i] = s.logOffset, s.publishedAt
	a.published++
	if s.causeOffset < a.highest {
		a.books.addGap(a.misordered, s.causeOffset, s.causeOffset+1)
	}
	a.highest = max(a.highest, s.causeOffset)
}
