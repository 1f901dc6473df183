package chaos

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// expected is what should come out. What a message means it knows from the generator,
// which uses no code of the stages. From the channels' topics it takes only which
// message lies where: a publisher that gets no answer sends its batch again, and then the
// batch rightly lies on the topic twice.
type expected struct {
	sent   map[content]*sentMessage
	first  map[uuid.UUID]*simulate.Expectation // by application, the first message on its topic
	log    map[schema.TopicPartition][]effect  // by offset
	logged int                                 // messages on the topics, with those that were sent again

	published, flooded                       int // messages
	poison, oversized, duplicates, conflicts int // of them
}

// content identifies a message by all its bytes.
type content [16]byte

// sentMessage is a message that was published.
type sentMessage struct {
	expect simulate.Expectation
	times  int // how often it must lie on the topic, at least
	found  int // how often it does
}

// effect is what should become of a message at its place on the topic.
type effect struct {
	expect      *simulate.Expectation // nil for a message that was never published
	disposition schema.Disposition    // "" for a message that cannot be read
}

func newExpected() *expected {
	return &expected{sent: map[content]*sentMessage{}, first: map[uuid.UUID]*simulate.Expectation{}, log: map[schema.TopicPartition][]effect{}}
}

// addPublished is called with every message before it is published.
func (e *expected) addPublished(m *kafka.Message, expect simulate.Expectation) {
	e.published++
	switch {
	case expect.Rule == schema.RuleOversize:
		e.oversized++
	case !expect.Readable():
		e.poison++
	case expect.Disposition == schema.DispositionResend:
		e.duplicates++
	case expect.Disposition == schema.DispositionConflict:
		e.conflicts++
	}
	id := contentOf(m.Key, m.Value, m.Headers)
	s, ok := e.sent[id]
	if !ok {
		s = &sentMessage{expect: expect}
		e.sent[id] = s
	}
	s.times++
}

// addSentAgain is called with every message of a flood, each of which was published before.
func (e *expected) addSentAgain(m *kafka.Message) {
	e.published++
	e.flooded++
	e.sent[contentOf(m.Key, m.Value, m.Headers)].times++
}

func contentOf(key, value []byte, headers []kafka.Header) content {
	hash := sha256.New()
	write := func(b []byte) {
		hash.Write(binary.AppendUvarint(nil, uint64(len(b))))
		hash.Write(b)
	}
	write(key)
	write(value)
	for _, h := range headers {
		write([]byte(h.Key))
		write(h.Value)
	}
	return content(hash.Sum(nil)[:16])
}

// addLogged is called with the messages of the channels' topics, each partition in order.
func (e *expected) addLogged(m *kgo.Record) {
	headers := make([]kafka.Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = kafka.Header{Key: h.Key, Value: h.Value}
	}
	e.logged++
	at := placeOf(m)
	e.log[at] = append(e.log[at], e.effectOf(contentOf(m.Key, m.Value, headers)))
}

// effectOf says what a message should do after those before it.
func (e *expected) effectOf(id content) effect {
	s, ok := e.sent[id]
	if !ok {
		return effect{}
	}
	s.found++
	expect := &s.expect
	switch first, taken := e.first[expect.ApplicationID]; {
	case !expect.Readable():
		return effect{expect: expect}
	case expect.Disposition == schema.DispositionConflict:
		return effect{expect: expect, disposition: schema.DispositionConflict}
	case taken:
		return effect{expect: first, disposition: schema.DispositionResend}
	}
	e.first[expect.ApplicationID] = expect
	return effect{expect: expect, disposition: schema.DispositionFirst}
}

// missing is how many published messages do not lie on the topic.
func (e *expected) missing() (n int) {
	for _, s := range e.sent {
		n += max(s.times-s.found, 0)
	}
	return n
}

// text is the decision that a message should have, so that a failure can be read. The
// answer to a conflict says nothing of the first application, so it has no expiry dates.
func (e effect) text() string {
	switch expect := e.expect; {
	case expect == nil:
		return "never published"
	case !e.readable():
		return unreadableText(expect.Rule)
	case e.disposition == schema.DispositionConflict:
		return decisionText(expect.ApplicationID, e.disposition, expect.Outcome, expect.Reasons.Codes(), 0, 0)
	default:
		return decisionText(expect.ApplicationID, e.disposition, expect.Outcome, expect.Reasons.Codes(), expect.OldExpiry, expect.NewExpiry)
	}
}

func (e effect) readable() bool { return e.disposition != "" }

// unreadableText is what stands for a message that cannot be read.
func unreadableText(rule schema.Rule) string { return "unreadable for " + rule.String() }

func decisionText(id uuid.UUID, d schema.Disposition, o schema.Outcome, codes []string, from, to schema.Date) string {
	codes = slices.Clone(codes)
	slices.Sort(codes)
	return fmt.Sprintf("%s %s %s [%s] from %s to %s", id, d, o, strings.Join(codes, " "), dateText(from), dateText(to))
}

func decisionTextOf(d *schema.Decision) string {
	return decisionText(d.ApplicationID, d.Disposition, d.Outcome, d.ReasonCodes(), d.OldExpiry, d.NewExpiry)
}

func dateText(d schema.Date) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
