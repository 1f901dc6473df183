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

// truth is what should come out. It knows what every published message means from
// the generator, which uses no code of the stages, and takes from the log of
// submissions only which of them lie where: a publisher whose answer was lost sends
// again, and then a batch rightly lies there twice.
type truth struct {
	known map[content]*known
	first map[uuid.UUID]*simulate.Expectation // by application, what came first in the log
	log   [][]verdict                         // by partition and offset
	lies  int                                 // messages in the log, with those that were sent again

	messages                                 int // published
	poison, oversized, duplicates, conflicts int
}

// content identifies a message by all its bytes.
type content [16]byte

// known is a message that was published.
type known struct {
	expect    simulate.Expectation
	published int // how often it is to be found, at least
	found     int
}

// verdict is what should become of a message at its place in the log.
type verdict struct {
	expect      *simulate.Expectation // nil for a message that was never published
	disposition schema.Disposition    // 0: it can't be read
}

func newTruth(partitions int) *truth {
	return &truth{known: map[content]*known{}, first: map[uuid.UUID]*simulate.Expectation{}, log: make([][]verdict, partitions)}
}

// publishing is told of every message before it is published.
func (t *truth) publishing(m *kafka.Message, expect simulate.Expectation) {
	t.messages++
	switch {
	case expect.Rule == schema.RuleOversize:
		t.oversized++
	case !expect.Readable():
		t.poison++
	case expect.Disposition == schema.DispositionResend:
		t.duplicates++
	case expect.Disposition == schema.DispositionConflict:
		t.conflicts++
	}
	id := contentOf(m.Key, m.Value, m.Headers)
	k, ok := t.known[id]
	if !ok {
		k = &known{expect: expect}
		t.known[id] = k
	}
	k.published++
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

// read takes the next message of the log of submissions.
func (t *truth) read(r *kgo.Record) {
	headers := make([]kafka.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = kafka.Header{Key: h.Key, Value: h.Value}
	}
	t.lies++
	t.log[r.Partition] = append(t.log[r.Partition], t.judge(contentOf(r.Key, r.Value, headers)))
}

// judge says what a message means after those before it.
func (t *truth) judge(id content) verdict {
	k, ok := t.known[id]
	if !ok {
		return verdict{}
	}
	k.found++
	e := &k.expect
	switch first, taken := t.first[e.ApplicationID]; {
	case !e.Readable():
		return verdict{expect: e}
	case e.Disposition == schema.DispositionConflict:
		return verdict{expect: e, disposition: schema.DispositionConflict}
	case taken:
		return verdict{expect: first, disposition: schema.DispositionResend}
	}
	t.first[e.ApplicationID] = e
	return verdict{expect: e, disposition: schema.DispositionFirst}
}

// missing is how many published messages the log does not hold.
func (t *truth) missing() (n int) {
	for _, k := range t.known {
		n += max(k.published-k.found, 0)
	}
	return n
}

// text is the decision that a message should have, readable in a failure. A conflict
// is told nothing of the first application, and its policy is the first's.
func (v verdict) text() string {
	switch e := v.expect; {
	case e == nil:
		return "never published"
	case v.disposition == 0:
		return "quarantined for " + e.Rule.String()
	case v.disposition == schema.DispositionConflict:
		return decisionText(e.ApplicationID, v.disposition, e.Outcome, e.Reasons, 0, 0)
	default:
		return decisionText(e.ApplicationID, v.disposition, e.Outcome, e.Reasons, e.OldExpiry, e.NewExpiry)
	}
}

func decisionText(id uuid.UUID, d schema.Disposition, o schema.Outcome, reasons schema.Reasons, from, to schema.Date) string {
	codes := reasons.Codes()
	slices.Sort(codes)
	return fmt.Sprintf("%s %s %s [%s] from %s to %s", id, d, o, strings.Join(codes, " "), dateText(from), dateText(to))
}

func dateText(d schema.Date) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}
