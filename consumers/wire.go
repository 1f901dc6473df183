package consumers

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

// The library reads an answer field by field through a buffer of pages, with 19
// allocations a message. Here the answer is one piece of memory, which the messages are
// slices of: a third of the processor time (BenchmarkReadAnswer). The connections, with
// their versions, TLS, SASL and routing to leaders, are the library's.

// rawRequest is a fetch request whose answer the library leaves to us. It is for one
// use.
type rawRequest struct {
	*fetchapi.Request
	clientID string
	version  int16
}

var _ protocol.RawExchanger = (*rawRequest)(nil)

// Required is told what the connection's broker speaks.
func (r *rawRequest) Required(versions map[protocol.ApiKey]int16) bool {
	r.version = versions[protocol.Fetch]
	return true
}

const (
	correlation = 1 // a connection carries one request at a time
	// mostAnswerBytes bounds what an answer may make us allocate.
	mostAnswerBytes = 256 << 20
	// mostUnpackedBytes bounds what the compressed batches of a partition in one answer may
	// unpack to: a few bytes can be made to unpack to many.
	mostUnpackedBytes = 64 << 20
	// leastVersion of the fetch request knows transactions: Kafka 0.11.
	leastVersion = 4
)

// RawExchange sends the request and reads the answer.
func (r *rawRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if r.version < leastVersion {
		return nil, fmt.Errorf("the broker speaks version %d of the fetch request: %w", r.version, kafka.UnsupportedVersion)
	}
	if err := protocol.WriteRequest(rw, r.version, correlation, r.clientID, r.Request); err != nil {
		return nil, err
	}
	return readAnswer(rw, r.version)
}

// fetched is the answer to a fetch request.
type fetched struct {
	fault      kafka.Error
	partitions []fetchedPartition
}

// fetchedPartition is what was answered about a partition.
type fetchedPartition struct {
	partition               int
	fault                   kafka.Error
	highWatermark, readable int64
	aborted                 []fetchapi.ResponseTransaction
	records                 []byte
}

// ApiKey says what it answers.
func (*fetched) ApiKey() protocol.ApiKey { return protocol.Fetch }

var errAnswer = errors.New("the broker's answer is not one to the request, or not whole")

func readAnswer(r io.Reader, version int16) (*fetched, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int32(binary.BigEndian.Uint32(size[:]))
	if n < 0 || n > mostAnswerBytes {
		return nil, fmt.Errorf("%w: %d bytes", errAnswer, n)
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	return parseAnswer(frame, version)
}

// parseAnswer reads a fetch response of the versions 4 to 11, none of which is flexible
// (Kafka protocol guide, "Fetch Response").
func parseAnswer(frame []byte, version int16) (*fetched, error) {
	w := wire{b: frame}
	var f fetched
	if w.int32() != correlation {
		return nil, errAnswer
	}
	w.int32() // throttled
	if version >= 7 {
		f.fault = kafka.Error(w.int16())
		w.int32() // session
	}
	for topics := w.int32(); topics > 0 && !w.short; topics-- {
		w.take(int(w.int16())) // name
		for partitions := w.int32(); partitions > 0 && !w.short; partitions-- {
			f.partitions = append(f.partitions, w.partition(version))
		}
	}
	if w.short {
		return nil, errAnswer
	}
	return &f, nil
}

// wire reads Kafka's numbers and bytes. Once something is missing, all else is zero.
type wire struct {
	b     []byte
	short bool
}

func (w *wire) partition(version int16) fetchedPartition {
	p := fetchedPartition{
		partition: int(w.int32()), fault: kafka.Error(w.int16()), highWatermark: w.int64(), readable: w.int64(),
	}
	if version >= 5 {
		w.int64() // log start
	}
	for n := w.int32(); n > 0 && !w.short; n-- {
		p.aborted = append(p.aborted, fetchapi.ResponseTransaction{ProducerID: w.int64(), FirstOffset: w.int64()})
	}
	if version >= 11 {
		w.int32() // preferred replica
	}
	p.records = w.take(max(0, int(w.int32()))) // null is -1
	return p
}

// The layout of a record batch (Kafka documentation, "Record Batch").
const (
	batchLengthAt  = 8
	batchMagicAt   = 16
	batchCRCAt     = 17
	batchChecked   = 21 // the checksum is of all from here
	batchHeaderLen = 61

	// logAppendTime among a batch's attributes: its latest time, the broker's, is that of
	// all its records.
	logAppendTime protocol.Attributes = 1 << 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendRecords takes the messages of an answer, and passes over what holds none:
// control batches and aborted transactions. The broker may cut the last batch off: it
// comes whole the next time.
func appendRecords(b *Batch, p *fetchedPartition) error {
	aborted, room := newAborted(p.aborted), mostUnpackedBytes
	for rest := p.records; len(rest) > batchMagicAt; {
		if rest[batchMagicAt] != 2 {
			return errMagic
		}
		end := batchLengthAt + 4 + int(int32(binary.BigEndian.Uint32(rest[batchLengthAt:])))
		if end < batchHeaderLen {
			return errAnswer
		}
		if end > len(rest) {
			return nil
		}
		before := b.To
		unpacked, err := appendBatch(b, rest[:end:end], aborted, room)
		switch room -= unpacked; {
		case errors.Is(err, errUnpacked) && before > b.From:
			return nil // there is room again with the next fetch
		case err != nil:
			return err
		}
		rest = rest[end:]
	}
	return nil
}

var (
	errMagic    = errors.New("a record batch of a version before Kafka 0.11")
	errChecksum = errors.New("a record batch whose checksum is wrong")
	errUnpacked = errors.New("record batches that take more memory unpacked than an answer may")
)

// appendBatch also returns how many bytes it unpacked, which are most at most.
func appendBatch(b *Batch, raw []byte, aborted aborted, most int) (unpacked int, err error) {
	if crc32.Checksum(raw[batchChecked:], castagnoli) != binary.BigEndian.Uint32(raw[batchCRCAt:]) {
		return 0, errChecksum
	}
	w := wire{b: raw[batchChecked:]}
	attributes := protocol.Attributes(w.int16())
	w.int32() // last offset
	r := recordReader{offset: int64(binary.BigEndian.Uint64(raw)), time: w.int64()}
	latest, producer := w.int64(), w.int64()
	if r.appended = attributes&logAppendTime != 0; r.appended {
		r.time = latest
	}
	w.take(6) // epoch and sequence
	r.count = w.int32()
	if r.b = w.b; attributes.Compression() != 0 {
		if r.b, err = decompressed(attributes.Compression(), w.b, most); err != nil {
			return 0, err
		}
		unpacked = len(r.b)
	}
	if r.count < 0 || int(r.count) > len(r.b) { // a record is a byte at least
		return 0, errAnswer
	}
	switch {
	case attributes.Control():
		aborted.end(producer, r.offset)
		return unpacked, r.each(b, nil)
	case attributes.Transactional() && aborted.holds(producer, r.offset):
		return unpacked, r.each(b, nil)
	}
	b.Messages = slices.Grow(b.Messages, int(r.count))
	return unpacked, r.each(b, b.append)
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

// recordReader reads the records of a batch.
type recordReader struct {
	wire
	offset, time int64 // what the records' are counted from
	appended     bool  // the time is all records'
	count        int32
}

// each calls f, if there is one, for every record that lies at the batch's end: a broker
// may answer with a record batch that begins before the offset asked for.
func (r *recordReader) each(b *Batch, f func(at, offset int64, record *wire) error) error {
	for range r.count {
		one := wire{b: r.take(r.varint())}
		one.take(1) // attributes
		at, offset := int64(one.varint()), r.offset+int64(one.varint())
		if r.appended {
			at = 0
		}
		switch {
		case r.short || one.short:
			return errAnswer
		case offset < b.To:
			continue
		case offset > b.To:
			return fmt.Errorf("%w: offset %d instead of %d", ErrGap, offset, b.To)
		}
		if f != nil {
			if err := f(r.time+at, offset, &one); err != nil {
				return err
			}
		}
		b.To = offset + 1
	}
	if len(r.b) > 0 {
		return errAnswer
	}
	return nil
}

// append takes a record as a message.
func (b *Batch) append(at, offset int64, record *wire) error {
	m := Message{Offset: offset, Time: time.UnixMilli(at), Key: record.bytes(), Value: record.bytes()}
	m.Headers = b.headers(record)
	if record.short || len(record.b) > 0 {
		return errAnswer
	}
	b.Messages = append(b.Messages, m)
	return nil
}

// headers reads a record's headers. Messages that follow one another mostly have the
// same names, which they share.
func (b *Batch) headers(record *wire) []schema.Header {
	n := record.varint()
	if n < 0 || n > len(record.b) {
		record.short = true
		return nil
	}
	var before []schema.Header
	if last := len(b.Messages) - 1; last >= 0 {
		before = b.Messages[last].Headers
	}
	pairs := b.room(n)
	for i := range pairs {
		name := record.bytes()
		if i < len(before) && before[i].Key == string(name) {
			pairs[i].Key = before[i].Key
		} else {
			pairs[i].Key = string(name)
		}
		pairs[i].Value = record.bytes()
	}
	return pairs
}

const leastPairs, mostPairs = 16, 1 << 10

// room returns room for headers, in pieces that grow with the batch: most batches are of
// a message or two.
func (b *Batch) room(n int) []schema.Header {
	if cap(b.pairs)-len(b.pairs) < n {
		b.pairs = make([]schema.Header, 0, max(n, min(mostPairs, max(leastPairs, 2*cap(b.pairs)))))
	}
	begin := len(b.pairs)
	b.pairs = b.pairs[:begin+n]
	return b.pairs[begin : begin+n : begin+n]
}

func (w *wire) take(n int) []byte {
	if n < 0 || n > len(w.b) {
		w.b, w.short = nil, true
		return nil
	}
	taken := w.b[:n:n]
	w.b = w.b[n:]
	return taken
}

func (w *wire) int16() int16 {
	if b := w.take(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (w *wire) int32() int32 {
	if b := w.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (w *wire) int64() int64 {
	if b := w.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// varint reads a zigzag number.
func (w *wire) varint() int {
	n, size := binary.Varint(w.b)
	if size <= 0 {
		w.b, w.short = nil, true
		return 0
	}
	w.b = w.b[size:]
	return int(n)
}

// bytes reads bytes with their length before them, -1 for none.
func (w *wire) bytes() []byte {
	n := w.varint()
	if n == -1 {
		return nil
	}
	return w.take(n)
}
