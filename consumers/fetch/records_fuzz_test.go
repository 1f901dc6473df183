package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// script is a broker's answer that a fuzzer writes: for every three bytes a batch of
// some kind, producer and length, after the one before.
type script struct {
	bytes     []byte
	next      int64 // offset
	tb        testing.TB
	answer    partitionAnswer
	committed []int64           // the offsets that hold messages
	open      map[int64][]int64 // of a producer's transaction
	begins    map[int64]int64   // where it began
	stream    [][]byte          // the batches
}

// The kinds of batches.
const (
	plain = iota
	transactional
	commit
	abort
	kinds
)

const producers = 3

// encode writes a batch as a broker keeps it.
func encode(tb testing.TB, base, producer int64, attributes protocol.Attributes, records ...protocol.Record) []byte {
	tb.Helper()
	var buffer bytes.Buffer
	set := protocol.RecordSet{Version: 2, Attributes: attributes & 7, Records: protocol.NewRecordReader(records...)}
	if _, err := set.WriteTo(&buffer); err != nil {
		tb.Fatal(err)
	}
	batch := buffer.Bytes()[4:] // behind the set's length
	binary.BigEndian.PutUint64(batch, uint64(base))
	binary.BigEndian.PutUint16(batch[batchChecked:], uint16(attributes))
	binary.BigEndian.PutUint64(batch[batchChecked+22:], uint64(producer))
	binary.BigEndian.PutUint32(batch[batchCRCAt:], crc32.Checksum(batch[batchChecked:], castagnoli))
	return batch
}

func newScript(tb testing.TB, bytes []byte) *script {
	s := &script{tb: tb, bytes: bytes, open: map[int64][]int64{}, begins: map[int64]int64{}}
	for ; len(s.bytes) >= 3; s.bytes = s.bytes[3:] {
		s.batch(int(s.bytes[0])%kinds, int64(s.bytes[1]%producers), int(s.bytes[2]%4)+1)
	}
	for producer := range producers { // a broker sends nothing behind where one is open
		s.end(abort, int64(producer))
	}
	s.answer.records = slices.Concat(s.stream...)
	return s
}

func (s *script) batch(kind int, producer int64, n int) {
	switch kind {
	case plain:
		s.committed = append(s.committed, s.records(-1, 0, n)...)
	case transactional:
		if len(s.open[producer]) == 0 {
			s.begins[producer] = s.next
		}
		s.open[producer] = append(s.open[producer], s.records(producer, protocol.Transactional, n)...)
	default:
		s.end(kind, producer)
	}
}

// end ends a producer's transaction, if it has one, with its marker.
func (s *script) end(kind int, producer int64) {
	if len(s.open[producer]) == 0 {
		return
	}
	if kind == commit {
		s.committed = append(s.committed, s.open[producer]...)
	} else {
		s.answer.aborted = append(s.answer.aborted,
			fetchapi.ResponseTransaction{ProducerID: producer, FirstOffset: s.begins[producer]})
	}
	delete(s.open, producer)
	s.stream = append(s.stream, encode(s.tb, s.next, producer, protocol.Transactional|protocol.Control, protocol.Record{Value: protocol.NewBytes([]byte{0, 0, 0, 0})}))
	s.next++
}

// records lays a batch of records, and returns where they lie.
func (s *script) records(producer int64, attributes protocol.Attributes, n int) (offsets []int64) {
	batch := make([]protocol.Record, n)
	for i := range batch {
		batch[i] = protocol.Record{Value: protocol.NewBytes(fmt.Append(nil, s.next+int64(i)))}
		offsets = append(offsets, s.next+int64(i))
	}
	s.stream = append(s.stream, encode(s.tb, s.next, producer, attributes, batch...))
	s.next += int64(n)
	return offsets
}

// However transactions of several producers interleave, and wherever in a batch the
// reading begins, exactly the messages that were not aborted are read, in their order,
// and every offset is passed once.
func FuzzAppendRecords(f *testing.F) {
	f.Add(uint8(0), []byte{plain, 0, 2, transactional, 1, 1, plain, 0, 0, abort, 1, 0, plain, 0, 1})
	f.Add(uint8(1), []byte{transactional, 1, 3, transactional, 2, 0, commit, 1, 0, transactional, 1, 1, abort, 2, 0, abort, 1, 0})
	f.Add(uint8(3), []byte{transactional, 0, 3, abort, 0, 0, transactional, 0, 3, commit, 0, 0})
	f.Fuzz(func(t *testing.T, from uint8, bytes []byte) {
		s := newScript(t, bytes)
		begin := min(int64(from), s.next)
		r := &Run{From: begin, To: begin}
		if err := r.addRecords(&s.answer); err != nil {
			t.Fatal(err)
		}
		slices.Sort(s.committed)
		want := slices.DeleteFunc(s.committed, func(offset int64) bool { return offset < begin })
		if got := offsets(t, r); !slices.Equal(got, want) || r.To != max(begin, s.next) || r.From != begin {
			t.Errorf("from %d read %v up to %d, want %v up to %d", r.From, got, r.To, want, s.next)
		}
	})
}

func offsets(t *testing.T, r *Run) (offsets []int64) {
	t.Helper()
	for _, m := range r.Messages {
		if string(m.Value) != fmt.Sprint(m.Offset) {
			t.Errorf("offset %d has the bytes of %s", m.Offset, m.Value)
		}
		offsets = append(offsets, m.Offset)
	}
	return offsets
}

// An answer with a hole in it stops the partition: nothing after the hole is read.
func FuzzAppendRecordsOfAGap(f *testing.F) {
	f.Add(uint8(1), []byte{plain, 0, 2, plain, 0, 2, plain, 0, 2})
	f.Fuzz(func(t *testing.T, missing uint8, bytes []byte) {
		s := newScript(t, bytes)
		if len(s.stream) < 3 {
			return
		}
		hole := 1 + int(missing)%(len(s.stream)-2)
		r := &Run{}
		s.answer.records = slices.Concat(slices.Delete(s.stream, hole, hole+1)...)
		if err := r.addRecords(&s.answer); !errors.Is(err, ErrGap) {
			t.Errorf("%v, want %v", err, ErrGap)
		}
		for _, m := range r.Messages {
			if m.Offset >= r.To {
				t.Errorf("offset %d was read, and the run ends at %d", m.Offset, r.To)
			}
		}
	})
}
