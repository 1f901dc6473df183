package verify

import (
	"context"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// announcement is an answer, or a quarantined message, as it lies on its topic.
type announcement struct {
	causeOffset int64
	notice      bool // whether it is the answer to a message that cannot be read
	fingerprint int64
	parties
	logOffset, publishedAt int64 // on the topic that was read; in milliseconds since 1970
}

// announcements is what lies on the decisions topics and on the quarantine topic, by the
// partition of the causes and in the order of the topic.
type announcements struct {
	mu          sync.Mutex
	answers     map[schema.TopicPartition][]announcement
	quarantined map[schema.TopicPartition][]announcement
	strays      []Stray
	ignored     int64 // events of types that this edition does not know
}

// partitionsAtOnce is how many partitions are read at once: decoding is the work.
const partitionsAtOnce = 4

// readAnnouncements reads the topics up to the ends that were marked.
func (v *verifier) readAnnouncements(ctx context.Context, marks marks) (*announcements, error) {
	a := &announcements{answers: map[schema.TopicPartition][]announcement{}, quarantined: map[schema.TopicPartition][]announcement{}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partitionsAtOnce)
	read := func(ends map[schema.TopicPartition]kafka.End, into map[schema.TopicPartition][]announcement, decode func(*announcementReader, *topicMessage) decoded) {
		for log, end := range ends {
			group.Go(func() error {
				r := announcementReader{verifier: v, log: log}
				return r.readPartition(ctx, a, into, end, decode)
			})
		}
	}
	read(marks.decisions, a.answers, (*announcementReader).answer)
	read(marks.quarantine, a.quarantined, (*announcementReader).quarantined)
	return a, group.Wait()
}

// announcementReader reads one partition of a topic.
type announcementReader struct {
	*verifier

	log          schema.TopicPartition
	fingerprints fingerprinter
}

// decoded is what a message is: an announcement about a cause, something that is passed over,
// or a stray.
type decoded struct {
	announcement
	cause string // its topic; the partition is that of the announcement
	kind  decodedKind
}

type decodedKind int

const (
	stray decodedKind = iota
	announces
	passedOver // of a later edition
	foreign    // what another stage put aside
)

// readPartition reads every message of the partition and keeps what decode makes of it. A
// stray is named by its place only: it may say anything about anybody.
func (r *announcementReader) readPartition(ctx context.Context, a *announcements, into map[schema.TopicPartition][]announcement, end kafka.End, decode func(*announcementReader, *topicMessage) decoded) error {
	found, ignored := map[string][]announcement{}, int64(0)
	var strays []Stray
	err := newLogReader(r.brokers, r.transport).read(ctx, r.log, end.First, end.Next, func(m *topicMessage) error {
		switch d := decode(r, m); d.kind {
		case announces:
			if found[d.cause] == nil {
				found[d.cause] = make([]announcement, 0, end.Next-end.First)
			}
			found[d.cause] = append(found[d.cause], d.announcement)
		case stray:
			strays = append(strays, Stray{r.log.Topic, r.log.Partition, Gap{GapUnreadable, m.offset, m.offset}})
		case passedOver:
			ignored++
		case foreign:
		}
		return nil
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	for topic, announced := range found {
		into[schema.TopicPartition{Topic: topic, Partition: r.log.Partition}] = announced
	}
	a.strays, a.ignored = append(a.strays, strays...), a.ignored+ignored
	return err
}

// answer decodes a message of a decisions topic. The stages publish an answer in the partition
// of its cause, on the topic on which its channel is answered: one that lies elsewhere is not
// ours.
func (r *announcementReader) answer(m *topicMessage) decoded {
	answer, err := schema.ReadAnswer(m.key, m.value, m.headers)
	if err == nil && answer.Type != schema.TypeDecision && answer.Type != schema.TypeUnreadable {
		return decoded{kind: passedOver}
	}
	cause := answer.Cause()
	if answersTo, known := r.topics.AnswersTo(cause.Topic); err != nil || !known || answersTo != r.log.Topic || cause.Partition != r.log.Partition {
		return decoded{}
	}
	d := decoded{kind: announces, cause: cause.Topic, announcement: announcement{
		causeOffset: cause.Offset, logOffset: m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}}
	if answer.Type == schema.TypeUnreadable {
		d.notice, d.fingerprint = true, r.fingerprints.notice(&answer.Unreadable)
		return d
	}
	decision := &answer.Decision
	d.fingerprint, d.parties = r.fingerprints.decision(decision), parties{int64(decision.CivilID), int64(decision.SponsorID)}
	if decision.Revision != schema.FirstRevision || decision.Simulation != r.simulated {
		d.fingerprint = ^d.fingerprint // neither is in the record, which knows what both must be
	}
	return d
}

// quarantined decodes where a message of the quarantine topic came from. The stage analytics
// puts messages of the decisions topics aside, which the record does not hold.
func (r *announcementReader) quarantined(m *topicMessage) decoded {
	origin := map[string]string{}
	for _, h := range m.headers {
		if _, twice := origin[h.Key]; twice && h.Key == schema.HeaderOriginOffset {
			return decoded{} // the stages put theirs in the place of those that a message brings
		}
		origin[h.Key] = string(h.Value)
	}
	topic := origin[schema.HeaderOriginTopic]
	if _, ofAnalytics := r.topics.DecisionsChannel(topic); ofAnalytics {
		return decoded{kind: foreign}
	}
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	_, known := r.topics.SubmissionsChannel(topic)
	if err != nil || offset < 0 || !known || origin[schema.HeaderOriginPartition] != strconv.Itoa(r.log.Partition) {
		return decoded{}
	}
	return decoded{kind: announces, cause: topic, announcement: announcement{
		causeOffset: offset, fingerprint: r.fingerprints.quarantined(offset, origin[schema.HeaderQuarantineRule]),
		logOffset: m.offset, publishedAt: m.publishedAt.UnixMilli(),
	}}
}

// topicComparison compares entries of one partition with what lies on a topic.
type topicComparison struct {
	books   *PartitionBooks
	entries *entries
	// The kinds of gaps on this topic.
	notPublished, misordered, different, unknown GapKind

	published, repeated int64  // what was counted
	highest             *int64 // cause so far, on the topic
}

// compareAnswers compares a partition's decisions and notices with its channel's decisions
// topic, on which both lie in the order of their causes.
func compareAnswers(p *PartitionBooks, decisions, notices *entries, announced []announcement, published int64) {
	highest := int64(-1)
	d := topicComparison{
		books: p, entries: decisions, highest: &highest, notPublished: GapNotPublished,
		misordered: GapMisordered, different: GapPublishedOtherwise, unknown: GapPublishedUnknown,
	}
	n := topicComparison{
		books: p, entries: notices, highest: &highest, notPublished: GapNoticeNotPublished,
		misordered: GapMisordered, different: GapNoticeOtherwise, unknown: GapNoticeUnknown,
	}
	for i := range announced {
		if announced[i].notice {
			n.compareMessage(&announced[i])
		} else {
			d.compareMessage(&announced[i])
		}
	}
	p.Pending.Answer += d.findMissing(published) + n.findMissing(published)
	p.Published, p.Notices, p.Repeated = d.published, n.published, d.repeated+n.repeated
}

// compareQuarantined compares a partition's messages in quarantine with the quarantine
// topic.
func compareQuarantined(p *PartitionBooks, quarantined *entries, announced []announcement, published int64) {
	highest := int64(-1)
	c := topicComparison{
		books: p, entries: quarantined, highest: &highest, notPublished: GapQuarantineNotPublished,
		misordered: GapQuarantineMisordered, different: GapQuarantineOtherwise, unknown: GapQuarantineUnknown,
	}
	for i := range announced {
		c.compareMessage(&announced[i])
	}
	c.findMissing(published)
	p.QuarantinedPublished = c.published
}

// findMissing looks for the entries that lie nowhere on the topic. Those before the offset
// published should; the others are pending, and counted.
func (c *topicComparison) findMissing(published int64) (pending int64) {
	for i := range c.entries.all {
		e := &c.entries.all[i]
		switch {
		case e.logOffset != notOnTopic:
		case e.offset < published:
			c.books.addGap(c.notPublished, e.offset, e.offset+1)
		default:
			pending++
			c.books.Pending.Publish++
			c.books.Watermark.Published = min(c.books.Watermark.Published, e.offset)
		}
	}
	return pending
}

// compareMessage compares one message of the topic with the record. A message may be
// repeated, but the first copies must lie in the order of their causes.
func (c *topicComparison) compareMessage(a *announcement) {
	i, known := c.entries.index(a.causeOffset)
	if !known {
		c.books.addGap(c.unknown, a.causeOffset, a.causeOffset+1)
		return
	}
	e := &c.entries.all[i]
	if e.fingerprint != a.fingerprint || e.parties != a.parties {
		c.books.addGap(c.different, a.causeOffset, a.causeOffset+1)
	}
	if e.logOffset != notOnTopic {
		c.repeated++
		return
	}
	e.logOffset, e.publishedAt = a.logOffset, a.publishedAt
	c.published++
	if a.causeOffset < *c.highest {
		c.books.addGap(c.misordered, a.causeOffset, a.causeOffset+1)
	}
	*c.highest = max(*c.highest, a.causeOffset)
}
