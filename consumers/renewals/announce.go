package renewals

import (
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// announcedBytes is more than most decisions take as a message.
const announcedBytes = 768

// messages returns decisions as messages of a decisions topic. The id of each is the
// position of its cause, and its offset is its cause's: the engine puts answers in that
// order. The messages share a few pieces of memory.
func messages(decisions []schema.Decision) []kafka.Message {
	out := make([]kafka.Message, len(decisions))
	text := make([]byte, 0, len(decisions)*announcedBytes)
	var at time.Time // of the decisions that share headers
	var shared, headers []kafka.Header
	for i := range decisions {
		d := &decisions[i]
		if i == 0 || !d.DecidedAt.Equal(at) {
			at, shared = d.DecidedAt, sharedHeaders(d.DecidedAt)
			headers = slices.Grow(headers, (len(decisions)-i)*len(shared))
		}
		m := &out[i]
		m.Offset = d.Cause.Offset
		text, m.Key = piece(text, d.CivilID.Append(text))
		text, m.Value = piece(text, d.AppendJSON(text))
		begin := len(headers)
		headers = append(headers, shared...)
		m.Headers = headers[begin:len(headers):len(headers)]
		text, m.Headers[idHeader].Value = piece(text, appendCauseID(text, d.Cause))
	}
	return out
}

// piece returns a text after something was appended to it, and what was appended.
func piece(before, after []byte) (text, appended []byte) {
	return after, after[len(before):len(after):len(after)]
}

// idHeader is where the event's id stands among its headers.
var idHeader = slices.IndexFunc(sharedHeaders(time.Time{}), func(h kafka.Header) bool { return h.Key == schema.HeaderID })

// sharedHeaders are the headers of all decisions of one instant; the id is to be filled in.
func sharedHeaders(at time.Time) []kafka.Header {
	envelope := schema.Envelope{Type: schema.TypeDecision, Source: source, Time: at}
	return kafkaschema.Headers(envelope.Headers())
}

func appendCauseID(dst []byte, p schema.Position) []byte {
	dst = append(dst, p.Topic...)
	dst = strconv.AppendInt(append(dst, '/'), int64(p.Partition), 10)
	return strconv.AppendInt(append(dst, '/'), p.Offset, 10)
}
