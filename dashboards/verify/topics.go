package verify

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// announcement is an answer, or a quarantined message, as it lies on its topic.
type announcement struct {
	causeOffset int64
	fingerprint int64
	parties
	notice bool // whether it is a notice of a message that cannot be read
	// differs says that it does not say what the record does not hold and every answer must:
	// its revision, and whether the installation is a simulation.
	differs                bool
	logOffset, publishedAt int64 // on the topic that was read; in milliseconds since 1970
}

// announcements is what lies on the decisions topics and on the quarantine topic, by the
// partition of its causes and in the order of the topic.
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
	a := &announcements{
		answers: map[schema.TopicPartition][]announcement{}, quarantined: map[schema.TopicPartition][]announcement{},
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partitionsAtOnce)
	read := func(ends map[schema.TopicPartition]kafka.End, into map[schema.TopicPartition][]announcement, decode func(*announcementReader, *topicMessage) (string, announcement, verdict)) {
		for log, end := range ends {
			group.Go(func() error {
				r := announcementReader{log: log, topics: v.topics, simulated: v.simulated, found: map[string][]announcement{}}
				err := newLogReader(v.brokers, v.transport).read(ctx, log, end.First, end.Next, func(m *topicMessage) error {
					r.add(m, decode)
					return nil
				})
				a.add(&r, into)
				return err
			})
		}
	}
	read(marks.decisions, a.answers, (*announcementReader).answer)
	read(marks.quarantine, a.quarantined, (*announcementReader).quarantined)
	return a, group.Wait()
}

// add adds what was read of a partition.
func (a *announcements) add(r *announcementReader, into map[schema.TopicPartition][]announcement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for topic, found := range r.found {
		into[schema.TopicPartition{Topic: topic, Partition: r.log.Partition}] = found
	}
	a.strays, a.ignored = append(a.strays, r.strays...), a.ignored+r.ignored
}

// announcementReader reads one partition of a topic.
type announcementReader struct {
	log          schema.TopicPartition
	topics       schema.Topics
	simulated    bool
	fingerprints fingerprinter
	found        map[string][]announcement // by the topics of the causes
	strays       []Stray
	ignored      int64
}

// verdict says what a message on a topic is to the books.
type verdict int

const (
	foreign verdict = iota // published by no stage
	ours
	ignored // a stage's, and not in the record; or of a type that this edition does not know
)

// add keeps what decode makes of a message. A foreign one is a stray, which is named by its
// place only: it may say anything about anybody.
func (r *announcementReader) add(m *topicMessage, decode func(*announcementReader, *topicMessage) (string, announcement, verdict)) {
	topic, a, is := decode(r, m)
	switch is {
	case ours:
		a.logOffset, a.publishedAt = m.offset, m.publishedAt.UnixMilli()
		r.found[topic] = append(r.found[topic], a)
	case foreign:
		r.strays = append(r.strays, Stray{r.log.Topic, r.log.Partition, Gap{GapForeign, m.offset, m.offset}})
	case ignored:
	}
}

// answer decodes a message of a decisions topic. The stages publish an answer on its cause's
// channel's topic, in the partition of its cause: one that lies elsewhere is not ours.
func (r *announcementReader) answer(m *topicMessage) (topic string, a announcement, is verdict) {
	answer, err := schema.ReadAnswer(m.key, m.value, m.headers)
	if err != nil {
		return "", a, foreign
	}
	switch answer.Type {
	case schema.TypeDecision:
		d := &answer.Decision
		a = announcement{
			fingerprint: r.fingerprints.decision(d), parties: parties{int64(d.CivilID), int64(d.SponsorID)},
			differs: d.Revision != schema.FirstRevision || d.Simulation != r.simulated,
		}
	case schema.TypeUnreadable:
		a = announcement{
			fingerprint: r.fingerprints.notice(&answer.Unreadable), parties: parties{person: personOfKey(m.key)}, notice: true,
			differs: len(m.key) > 0 && personOfKey(m.key) == 0,
		}
	default:
		r.ignored++
		return "", a, ignored
	}
	cause := answer.Cause()
	a.causeOffset = cause.Offset
	if answersTo, known := r.topics.AnswersTo(cause.Topic); !known || answersTo != r.log.Topic || cause.Partition != r.log.Partition {
		return "", a, foreign
	}
	return cause.Topic, a, ours
}

// originHeaders are the headers that a message in quarantine has once each.
var originHeaders = []string{
	schema.HeaderOriginTopic, schema.HeaderOriginPartition, schema.HeaderOriginOffset, schema.HeaderOriginTimestamp,
	schema.HeaderQuarantineRule, schema.HeaderQuarantineField, schema.HeaderQuarantineDetail,
}

// quarantined decodes where a message of the quarantine topic came from, and why it is there.
// The stage analytics quarantines messages of the decisions topics, which the record does not
// hold.
func (r *announcementReader) quarantined(m *topicMessage) (topic string, a announcement, is verdict) {
	origin := map[string]string{}
	for _, h := range m.headers {
		if _, twice := origin[h.Key]; twice && slices.Contains(originHeaders, h.Key) {
			return "", a, foreign
		}
		origin[h.Key] = string(h.Value)
	}
	topic = origin[schema.HeaderOriginTopic]
	offset, err := strconv.ParseInt(origin[schema.HeaderOriginOffset], 10, 64)
	if err != nil || offset < 0 || origin[schema.HeaderOriginPartition] != strconv.Itoa(r.log.Partition) {
		return "", a, foreign
	}
	if _, ofDecisions := r.topics.DecisionsChannel(topic); ofDecisions {
		return "", a, ignored
	}
	receivedAt, err := time.Parse(time.RFC3339Nano, origin[schema.HeaderOriginTimestamp])
	if _, submitted := r.topics.SubmissionsChannel(topic); err != nil || !submitted {
		return "", a, foreign
	}
	reason := schema.Error{
		Rule: schema.Rule(origin[schema.HeaderQuarantineRule]), Field: origin[schema.HeaderQuarantineField],
		Detail: origin[schema.HeaderQuarantineDetail],
	}
	a.causeOffset, a.fingerprint = offset, r.fingerprints.quarantined(offset, &reason, receivedAt, digest(m.key, m.value))
	return topic, a, ours
}
