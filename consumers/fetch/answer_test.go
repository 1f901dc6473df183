package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

	"tajdeed/schema"
)

// answering is what a broker answers, in version 11, about partition 3 of a topic.
func answering(records []byte) []byte {
	be := binary.BigEndian
	f := be.AppendUint32(nil, correlation)
	f = be.AppendUint32(f, 0) // throttled
	f = be.AppendUint16(f, 0)
	f = be.AppendUint32(f, 0) // session
	f = be.AppendUint32(f, 1)
	f = append(be.AppendUint16(f, 4), "test"...)
	f = be.AppendUint32(f, 1)
	f = be.AppendUint32(f, 3)
	f = be.AppendUint16(f, 0)
	f = be.AppendUint64(f, 5000) // high watermark
	f = be.AppendUint64(f, 4000) // last stable offset
	f = be.AppendUint64(f, 0)
	f = be.AppendUint32(f, 1) // aborted
	f = be.AppendUint64(f, 77)
	f = be.AppendUint64(f, 12)
	f = be.AppendUint32(f, 0xffffffff)
	f = be.AppendUint32(f, uint32(len(records)))
	f = append(f, records...)
	return append(be.AppendUint32(nil, uint32(len(f))), f...)
}

// events are batches of messages as large as decisions are.
func events(tb testing.TB, batches, perBatch int, compression protocol.Attributes) (raw []byte) {
	tb.Helper()
	for n := range batches {
		records := make([]protocol.Record, perBatch)
		for i := range records {
			at := n*perBatch + i
			r := &records[i]
			r.Time = time.UnixMilli(1_700_000_000_000 + int64(at))
			r.Value = protocol.NewBytes(bytes.Repeat(fmt.Append(nil, at), 100))
			switch at % 3 {
			case 0: // a tombstone has no value, and some have no key
				r.Value = nil
			case 1:
				r.Key = protocol.NewBytes(fmt.Append(nil, "key ", at))
			}
			for h := range 6 {
				r.Headers = append(r.Headers, protocol.Header{Key: fmt.Sprint("ce_", h), Value: fmt.Append(nil, at*h)})
			}
			if at%5 == 0 {
				r.Headers = append(r.Headers[:2], protocol.Header{Key: "", Value: nil})
			}
		}
		raw = append(raw, encode(tb, int64(n*perBatch), -1, compression, records...)...)
	}
	return raw
}

// read reads an answer from a run's beginning.
func read(frame []byte) (*Run, error) {
	a, err := readAnswer(bytes.NewReader(frame), 11)
	if err != nil {
		return nil, err
	}
	r := &Run{TopicPartition: schema.TopicPartition{Topic: "test", Partition: 3}}
	answers, err := answersTo([]*Run{r}, a)
	if err != nil {
		return nil, err
	}
	return r, r.add(answers[0])
}

// readByLibrary reads it as the library does.
func readByLibrary(tb testing.TB, frame []byte) (messages []Message) {
	tb.Helper()
	_, message, err := protocol.ReadResponse(bytes.NewReader(frame), protocol.Fetch, 11)
	if err != nil {
		tb.Fatal(err)
	}
	set := message.(*fetchapi.Response).Topics[0].Partitions[0].RecordSet
	for {
		r, err := set.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return messages
		}
		if err != nil {
			tb.Fatal(err)
		}
		m := Message{Offset: r.Offset, Time: r.Time, Key: all(tb, r.Key), Value: all(tb, r.Value)}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, schema.Header{Key: h.Key, Value: h.Value})
		}
		messages = append(messages, m)
	}
}

func all(tb testing.TB, b protocol.Bytes) []byte {
	tb.Helper()
	if b == nil {
		return nil
	}
	read, err := protocol.ReadAll(b)
	if err != nil {
		tb.Fatal(err)
	}
	return read
}

var compressions = []protocol.Attributes{0, protocol.Gzip, protocol.Snappy, protocol.Lz4, protocol.Zstd}

func TestAnAnswerIsReadAsTheLibraryReadsIt(t *testing.T) {
	t.Parallel()
	for _, compression := range compressions {
		t.Run(compression.String(), func(t *testing.T) {
			t.Parallel()
			frame := answering(events(t, 3, 100, compression))
			want := readByLibrary(t, frame)
			r, err := read(frame)
			if err != nil {
				t.Fatal(err)
			}
			if r.To != 300 || r.HighWatermark != 5000 || r.readable != 4000 || len(want) != 300 {
				t.Errorf("read up to %d of %d and %d, %d messages", r.To, r.readable, r.HighWatermark, len(want))
			}
			for i := range want {
				if !reflect.DeepEqual(r.Messages[i], want[i]) {
					t.Fatalf("message %d is\n%+v, the library's\n%+v", i, r.Messages[i], want[i])
				}
			}
		})
	}
}

// Where the topic is set to LogAppendTime, the broker's time is in the batch only.
func TestTheBrokersTime(t *testing.T) {
	t.Parallel()
	raw := events(t, 1, 20, 0)
	received := time.UnixMilli(1_800_000_000_000)
	raw[batchChecked+1] |= byte(logAppendTime)
	binary.BigEndian.PutUint64(raw[batchChecked+14:], uint64(received.UnixMilli()))
	binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchChecked:], castagnoli))
	r, err := read(answering(raw))
	if err != nil || len(r.Messages) != 20 {
		t.Fatalf("%d messages, %v", len(r.Messages), err)
	}
	for _, m := range r.Messages {
		if !m.Time.Equal(received) {
			t.Errorf("message %d is of %s", m.Offset, m.Time)
		}
	}
}

func TestWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	whole := answering(events(t, 2, 10, 0))
	change := func(do func(frame []byte) []byte) []byte { return do(slices.Clone(whole)) }
	records := len(whole) - len(events(t, 2, 10, 0))
	cases := []struct {
		name  string
		frame []byte
		want  error
	}{
		{"a flipped bit", change(func(f []byte) []byte { f[len(f)-20] ^= 1; return f }), errChecksum},
		{"another request's", change(func(f []byte) []byte { f[7]++; return f }), errAnswer},
		{"another topic's", change(func(f []byte) []byte { f[26]++; return f }), errOtherPartitions},
		{"another partition's", change(func(f []byte) []byte { f[35]++; return f }), errOtherPartitions},
		{"an old record batch", change(func(f []byte) []byte { f[records+batchMagicAt] = 1; return f }), errMagic},
		{"an old message that is short", answering(slices.Concat(make([]byte, batchMagicAt), []byte{1}, make([]byte, 20))), errMagic},
		{"a batch of no length", change(func(f []byte) []byte { clear(f[records+batchLengthAt:][:4]); return f }), errAnswer},
		{"a size below zero", []byte{0xff, 0xff, 0xff, 0xff}, errAnswer},
		{"a size beyond all bounds", []byte{0x7f, 0xff, 0xff, 0xff}, errAnswer},
		{"the connection ends", whole[:len(whole)-1], io.ErrUnexpectedEOF},
		{"nothing", nil, io.EOF},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := read(tc.frame); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

// A few bytes that unpack to many are read a part at a time, or not at all.
func TestWhatUnpacksToTooMuch(t *testing.T) {
	t.Parallel()
	large := func(base int64, size int) []byte {
		return encode(t, base, -1, protocol.Zstd, protocol.Record{Value: protocol.NewBytes(make([]byte, size))})
	}
	const third = mostUnpackedBytes/3 - 100
	r, err := read(answering(slices.Concat(large(0, third), large(1, third), large(2, third), large(3, third))))
	if err != nil || r.To != 3 || len(r.Messages) != 3 {
		t.Errorf("%v; %d messages up to %d, want the first 3", err, len(r.Messages), r.To)
	}
	if _, err := read(answering(large(0, mostUnpackedBytes+1))); !errors.Is(err, errUnpacked) {
		t.Errorf("one that is too large alone: %v", err)
	}
}

// A batch that the broker cut off is left for the next answer.
func TestABatchThatIsCutOff(t *testing.T) {
	t.Parallel()
	raw := events(t, 2, 10, 0)
	for _, cut := range []int{1, 100, len(raw)/2 - 100, len(raw)/2 - 1} {
		r, err := read(answering(raw[:len(raw)-cut]))
		if err != nil || r.To != 10 || len(r.Messages) != 10 {
			t.Errorf("without %d bytes: %v, read up to %d", cut, err, r.To)
		}
	}
}

// Whatever comes, nothing panics, and no message is read that has no offset of its own.
func FuzzReadAnswer(f *testing.F) {
	for _, compression := range compressions {
		f.Add(answering(events(f, 2, 3, compression)))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) > 4 && int(binary.BigEndian.Uint32(frame)) > len(frame) {
			return // it would wait for more
		}
		if r, err := read(frame); err == nil && int64(len(r.Messages)) > r.To {
			t.Errorf("%d messages up to offset %d", len(r.Messages), r.To)
		}
	})
}

// The same for record batches whose checksum holds.
func FuzzAppendRecordsOfAnyBytes(f *testing.F) {
	for _, compression := range compressions {
		f.Add(events(f, 1, 3, compression))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < batchHeaderLen {
			return
		}
		raw = slices.Clone(raw)
		binary.BigEndian.PutUint32(raw[batchLengthAt:], uint32(len(raw)-batchLengthAt-4))
		binary.BigEndian.PutUint32(raw[batchCRCAt:], crc32.Checksum(raw[batchChecked:], castagnoli))
		r := &Run{}
		if err := r.addRecords(&partitionAnswer{records: raw}); err == nil && int64(len(r.Messages)) > r.To {
			t.Errorf("%d messages up to offset %d", len(r.Messages), r.To)
		}
	})
}

// An answer of a mebibyte, by the library and by us.
func BenchmarkReadAnswer(b *testing.B) {
	const batches, perBatch = 8, 185
	frame := answering(events(b, batches, perBatch, 0))
	perMessage := func(b *testing.B) {
		b.Helper()
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batches/perBatch, "ns/message")
	}
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			readByLibrary(b, frame)
		}
		perMessage(b)
	})
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := read(frame); err != nil {
				b.Fatal(err)
			}
		}
		perMessage(b)
	})
}
