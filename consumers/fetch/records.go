package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

	"tajdeed/schema"
)

// The layout of what Kafka calls a record batch: messages that a producer sent together
// (Kafka documentation, "Record Batch").
const (
	batchLengthAt  = 8
	batchMagicAt   = 16
	batchCRCAt     = 17
	batchChecked   = 21 // the checksum is of all from here
	batchHeaderLen = 61

	// logAppendTime among a batch's attributes: its latest time, the broker's, is that of
	// all its messages.
	logAppendTime protocol.Attributes = 1 << 3
)

// mostUnpackedBytes bounds what the compressed batches of a partition in one answer may
// unpack to: a few bytes can be made to unpack to many.
const mostUnpackedBytes = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// addRecords appends the messages of an answer, and passes over what holds none: control
// batches and aborted transactions. The broker may cut the last batch off: it comes whole
// the next time.
func (r *Run) addRecords(p *partitionAnswer) error {
	aborted, room := newAborted(p.aborted), mostUnpackedBytes
	for remaining := p.records; len(remaining) > batchMagicAt; {
		if remaining[batchMagicAt] != 2 {
			return errMagic
		}
		end := batchLengthAt + 4 + int(int32(binary.BigEndian.Uint32(remaining[batchLengthAt:])))
		if end < batchHeaderLen {
			return errAnswer
		}
		if end > len(remaining) {
			return nil
		}
		before := r.To
		unpacked, err := r.addBatch(remaining[:end:end], aborted, room)
		switch room -= unpacked; {
		case errors.Is(err, errUnpacked) && before > r.From:
			return nil // there is room again with the next fetch
		case err != nil:
			return err
		}
		remaining = remaining[end:]
	}
	return nil
}

var (
	errMagic    = errors.New("a record batch of a version before Kafka 0.11")
	errChecksum = errors.New("a record batch whose checksum is wrong")
	errUnpacked = errors.New("record batches that take more memory unpacked than an answer may")
)

// addBatch also returns how many bytes it unpacked, which are most at most.
func (r *Run) addBatch(raw []byte, aborted aborted, most int) (unpacked int, err error) {
	if crc32.Checksum(raw[batchChecked:], castagnoli) != binary.BigEndian.Uint32(raw[batchCRCAt:]) {
		return 0, errChecksum
	}
	w := wire{b: raw[batchChecked:]}
	attributes := protocol.Attributes(w.int16())
	w.int32() // last offset
	m := messageReader{offset: int64(binary.BigEndian.Uint64(raw)), time: w.int64()}
	latest, producer := w.int64(), w.int64()
	if m.appended = attributes&logAppendTime != 0; m.appended {
		m.time = latest
	}
	w.next(6) // epoch and sequence
	m.count = w.int32()
	if m.b = w.b; attributes.Compression() != 0 {
		if m.b, err = decompressed(attributes.Compression(), w.b, most); err != nil {
			return 0, err
		}
		unpacked = len(m.b)
	}
	if m.count < 0 || int(m.count) > len(m.b) { // a message is a byte at least
		return 0, errAnswer
	}
	switch {
	case attributes.Control():
		aborted.end(producer, m.offset)
		return unpacked, m.each(r, nil)
	case attributes.Transactional() && aborted.covers(producer, m.offset):
		return unpacked, m.each(r, nil)
	}
	r.Messages = slices.Grow(r.Messages, int(m.count))
	return unpacked, m.each(r, r.addMessage)
}

// decompressed returns at most so many bytes, or an error.
func decompressed(compression kafka.Compression, raw []byte, most int) ([]byte, error) {
	codec := compression.Codec()
	if codec == nil {
		return nil, fmt.Errorf("compression %d is none that is known", compression)
	}
	r := codec.NewReader(bytes.NewReader(raw))
	out, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if len(out) > most {
		err = errUnpacked
	}
	return out, errors.Join(err, r.Close())
}

// messageReader reads the messages of a batch.
type messageReader struct {
	wire
	offset, time int64 // what the messages' own are counted from
	appended     bool  // the time is all messages'
	count        int32
}

// each calls f, if there is one, for every message that lies at the run's end, with its
// time, its offset and what follows them: a broker may answer with a batch that begins
// before the offset asked for.
func (m *messageReader) each(r *Run, f func(at, offset int64, body *wire) error) error {
	for range m.count {
		one := wire{b: m.next(m.varint())}
		one.next(1) // attributes
		at, offset := int64(one.varint()), m.offset+int64(one.varint())
		if m.appended {
			at = 0
		}
		switch {
		case m.short || one.short:
			return errAnswer
		case offset < r.To:
			continue
		case offset > r.To:
			return fmt.Errorf("%w: offset %d instead of %d", ErrGap, offset, r.To)
		}
		if f != nil {
			if err := f(m.time+at, offset, &one); err != nil {
				return err
			}
		}
		r.To = offset + 1
	}
	if len(m.b) > 0 {
		return errAnswer
	}
	return nil
}

// addMessage appends a message, whose key, value and headers are the body.
func (r *Run) addMessage(at, offset int64, body *wire) error {
	m := Message{Offset: offset, Time: time.UnixMilli(at), Key: body.bytes(), Value: body.bytes()}
	m.Headers = r.headers(body)
	if body.short || len(body.b) > 0 {
		return errAnswer
	}
	r.Messages = append(r.Messages, m)
	return nil
}

// headers reads a message's headers. Messages that follow one another mostly have the
// same names, which they share.
func (r *Run) headers(body *wire) []schema.Header {
	n := body.varint()
	if n < 0 || n > len(body.b) {
		body.short = true
		return nil
	}
	var before []schema.Header
	if last := len(r.Messages) - 1; last >= 0 {
		before = r.Messages[last].Headers
	}
	headers := r.newHeaders(n)
	for i := range headers {
		name := body.bytes()
		if i < len(before) && before[i].Key == string(name) {
			headers[i].Key = before[i].Key
		} else {
			headers[i].Key = string(name)
		}
		headers[i].Value = body.bytes()
	}
	return headers
}

// leastSpare and mostSpare bound how many headers memory is allocated for at once.
const leastSpare, mostSpare = 16, 1 << 10

// newHeaders returns n empty headers. Their memory is allocated in pieces that grow with
// the run: most runs are of a message or two.
func (r *Run) newHeaders(n int) []schema.Header {
	if cap(r.spare)-len(r.spare) < n {
		r.spare = make([]schema.Header, 0, max(n, min(mostSpare, max(leastSpare, 2*cap(r.spare)))))
	}
	begin := len(r.spare)
	r.spare = r.spare[:begin+n]
	return r.spare[begin : begin+n : begin+n]
}

// aborted knows, for each producer, where its aborted transactions begin, in the
// order of the log.
type aborted map[int64][]int64

func newAborted(transactions []fetchapi.ResponseTransaction) aborted {
	a := make(aborted, len(transactions))
	for _, t := range transactions {
		a[t.ProducerID] = append(a[t.ProducerID], t.FirstOffset)
	}
	for _, begins := range a {
		slices.Sort(begins)
	}
	return a
}

// covers is whether a producer's transactional batch at an offset belongs to a
// transaction that was aborted.
func (a aborted) covers(producer, offset int64) bool {
	begins := a[producer]
	return len(begins) > 0 && begins[0] <= offset
}

// end forgets a producer's transaction at its marker.
func (a aborted) end(producer, offset int64) {
	if a.covers(producer, offset) {
		a[producer] = a[producer][1:]
	}
}
