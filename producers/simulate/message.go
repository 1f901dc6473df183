package simulate

import (
	"slices"
	"time"

	"tajdeed/schema"
)

// message makes the message of an application, as a channel sends it.
func (s *Simulation) message(a *schema.Application, by schema.Channel, expect Expectation, at time.Time) Message {
	b := &s.buffers
	return Message{
		Channel: by,
		Key:     b.keep(a.CivilID.Append(b.scratch[:0])),
		Value:   b.keep(a.AppendJSON(b.scratch[:0])),
		Headers: s.headers(a, by),
		At:      at,
		Expect:  expect,
	}
}

// envelope returns the event's envelope. Its id is the application's, so that an
// application that is sent again is the same event.
func envelope(a *schema.Application, by schema.Channel) schema.Envelope {
	return schema.Envelope{
		ID:     a.ID.String(),
		Type:   schema.TypeApplicationSubmitted,
		Source: "/channels/" + string(by),
		Time:   a.SubmittedAt,
	}
}

// blankHeaders are the headers of a channel's envelopes, with another id and time.
func blankHeaders(by schema.Channel) []schema.Header {
	return envelope(&schema.Application{SubmittedAt: time.Unix(1, 0)}, by).Headers()
}

// headers returns the headers of the application's envelope. It replaces id and time in
// a copy of the channel's, which is faster than to write all of them.
func (s *Simulation) headers(a *schema.Application, by schema.Channel) []schema.Header {
	b := &s.buffers
	headers := slices.Clone(s.channels.headers[by])
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

// buffers hold the bytes of messages in a few large pieces. A full piece belongs to the
// messages in it and is replaced by a new one, so nothing is ever overwritten.
type buffers struct {
	scratch []byte
	piece   []byte
}

const pieceBytes = 256 << 10

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
