package simulate

import (
	"slices"
	"time"

	"tajdeed/schema"
)

// message makes the message of an application, as its channel sends it.
func (s *Simulation) message(a *schema.Application, expect Expectation, at time.Time) Message {
	b := &s.buffers
	return Message{
		Key:     b.keep(a.CivilID.Append(b.scratch[:0])),
		Value:   b.keep(a.AppendJSON(b.scratch[:0])),
		Headers: b.headers(a),
		At:      at,
		Expect:  expect,
	}
}

// envelope returns the event's envelope. Its id is the application's, so that an
// application that is sent again is the same event.
func envelope(a *schema.Application) schema.Envelope {
	return schema.Envelope{
		ID:     a.ID.String(),
		Type:   schema.TypeApplicationSubmitted,
		Source: "/channels/" + a.Channel.String(),
		Time:   a.SubmittedAt,
	}
}

// envelopes are the headers of each channel's envelope, whose id and time are to be
// replaced.
var envelopes = func() map[schema.Channel][]schema.Header {
	all := map[schema.Channel][]schema.Header{}
	for _, c := range schema.Channels() {
		all[c] = envelope(&schema.Application{Channel: c, SubmittedAt: time.Unix(1, 0)}).Headers()
	}
	return all
}()

// buffers hold the bytes of messages in a few large pieces. A full piece belongs to the
// messages in it and is replaced by a new one, so nothing is ever overwritten.
type buffers struct {
	scratch []byte
	piece   []byte
}

const pieceBytes = 256 << 10

// headers returns the headers of the application's envelope. It replaces id and time in
// a copy of the channel's, which is faster than to write all of them.
func (b *buffers) headers(a *schema.Application) []schema.Header {
	headers := slices.Clone(envelopes[a.Channel])
	for i := range headers {
		switch headers[i].Key {
		case schema.HeaderID:
			headers[i].Value = b.keep(append(b.scratch[:0], a.ID.String()...))
		case schema.HeaderTime:
			headers[i].Value = b.keep(a.SubmittedAt.AppendFormat(b.scratch[:0], time.RFC3339Nano))
		}
	}
	return headers
}

// keep returns a copy, for a message, of what was just written to the scratch buffer.
func (b *buffers) keep(written []byte) []byte {
	b.scratch = written
	if len(written) > cap(b.piece)-len(b.piece) {
		b.piece = make([]byte, 0, max(pieceBytes, len(written)))
	}
	from := len(b.piece)
	b.piece = append(b.piece, written...)
	return b.piece[from:len(b.piece):len(b.piece)]
}
