package simulate

import (
	"time"

	"tajdeed/schema"
)

// message packs an application as its channel sends it. The event's id is the
// application's: sent again, it is the same event.
func (s *Simulation) message(a *schema.Application, expect Expectation, at time.Time) Message {
	return Message{
		Key:     s.buffers.keep(a.CivilID.Append(s.buffers.scratch[:0])),
		Value:   s.buffers.keep(a.AppendJSON(s.buffers.scratch[:0])),
		Headers: envelope(a).Headers(),
		At:      at,
		Expect:  expect,
	}
}

func envelope(a *schema.Application) schema.Envelope {
	return schema.Envelope{
		ID:     a.ID.String(),
		Type:   schema.TypeApplicationSubmitted,
		Source: "/channels/" + a.Channel.String(),
		Time:   a.SubmittedAt,
	}
}

// buffers hold the bytes of messages in a few large pieces. A piece is left to the
// messages in it when it is full, so nothing is ever overwritten.
type buffers struct {
	scratch []byte
	piece   []byte
}

const pieceBytes = 256 << 10

// keep returns a copy of what was just written to the scratch.
func (b *buffers) keep(written []byte) []byte {
	b.scratch = written
	if len(written) > cap(b.piece)-len(b.piece) {
		b.piece = make([]byte, 0, max(pieceBytes, len(written)))
	}
	from := len(b.piece)
	b.piece = append(b.piece, written...)
	return b.piece[from:len(b.piece):len(b.piece)]
}
