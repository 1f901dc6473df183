package verify

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	wire "github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

	"tajdeed/schema"
)

// fuzzedLog is a partition that a fuzzer writes, with two bytes for each batch: who its
// producer is, and how many messages it has or how the producer's transaction ends. A
// producer has at most one transaction open.
type fuzzedLog struct {
	next    int64
	batches []wire.RecordReader
	aborted []fetchapi.ResponseTransaction
	open    [fuzzedProducers][]int64 // offsets of messages
	kept    []int64
}

const (
	fuzzedProducers = 4 // the first uses no transactions
	fuzzedAbort     = 6 // a number of messages that stands for this end
	fuzzedCommit    = 7
)

func writeLog(bytes []byte) *fuzzedLog {
	log := &fuzzedLog{}
	for ; len(bytes) >= 2; bytes = bytes[2:] {
		producer, what := int(bytes[0])%fuzzedProducers, int(bytes[1])%(fuzzedCommit+1)
		switch {
		case what < fuzzedAbort:
			log.write(producer, what+1)
		case producer > 0:
			log.end(producer, what == fuzzedCommit)
		}
	}
	for producer := 1; producer < fuzzedProducers; producer++ {
		log.end(producer, false)
	}
	slices.Sort(log.kept)
	return log
}

func (log *fuzzedLog) write(producer, n int) {
	batch := &wire.RecordBatch{BaseOffset: log.next, ProducerID: int64(producer)}
	if producer > 0 {
		batch.Attributes = 1 << 4 // transactional
	}
	records := make([]wire.Record, n)
	for i := range records {
		records[i] = wire.Record{Offset: log.next, Value: wire.NewBytes(strconv.AppendInt(nil, log.next, 10))}
		log.open[producer] = append(log.open[producer], log.next)
		log.next++
	}
	batch.Records = wire.NewRecordReader(records...)
	log.batches = append(log.batches, batch)
	if producer == 0 {
		log.keep(0)
	}
}

func (log *fuzzedLog) keep(producer int) {
	log.kept, log.open[producer] = append(log.kept, log.open[producer]...), nil
}

func (log *fuzzedLog) end(producer int, commit bool) {
	messages := log.open[producer]
	if len(messages) == 0 {
		return
	}
	if commit {
		log.keep(producer)
	} else {
		log.aborted = append(log.aborted, fetchapi.ResponseTransaction{ProducerID: int64(producer), FirstOffset: messages[0]})
		log.open[producer] = nil
	}
	marker := wire.NewRecordReader(wire.Record{Offset: log.next})
	log.batches = append(log.batches, &wire.ControlBatch{BaseOffset: log.next, ProducerID: int64(producer), Records: marker})
	log.next++
}

// FuzzReadResponse reads any log from any offset to any other. The reader must return exactly
// the messages that were not aborted, once and in their order, and go on behind them.
func FuzzReadResponse(f *testing.F) {
	f.Add(uint8(0), uint8(99), []byte{0, 2, 1, 1, 0, 0, 1, fuzzedAbort, 0, 1})
	f.Add(uint8(2), uint8(9), []byte{1, 3, 2, 0, 1, fuzzedCommit, 1, 1, 2, fuzzedAbort, 1, fuzzedAbort})
	f.Add(uint8(1), uint8(20), []byte{1, 3, 1, fuzzedAbort, 1, 3, 1, fuzzedCommit, 3, 0})
	f.Fuzz(func(t *testing.T, first, length uint8, bytes []byte) {
		log := writeLog(bytes)
		from := min(int64(first), log.next)
		to := min(from+int64(length), log.next)
		response := &fetched{ResponsePartition: &fetchapi.ResponsePartition{AbortedTransactions: log.aborted}}
		response.RecordSet.Records = &wire.RecordStream{Records: log.batches}
		var got []int64
		next, err := new(logReader).readResponse(response, from, to, func(m *topicMessage) error {
			if string(m.value) != fmt.Sprint(m.offset) {
				t.Errorf("offset %d has the bytes of %s", m.offset, m.value)
			}
			got = append(got, m.offset)
			return nil
		})
		want := slices.DeleteFunc(log.kept, func(offset int64) bool { return offset < from || offset >= to })
		if err != nil || next != to || !slices.Equal(got, want) {
			t.Errorf("from %d to before %d: read %v up to %d (%v), want %v", from, to, got, next, err, want)
		}
	})
}

// FuzzAnnouncements decodes any message of the topics that the stages announce on. What is
// accepted must name a cause in this partition, and decoding it again must give the same.
func FuzzAnnouncements(f *testing.F) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, schema.Kuwait)
	d := schema.Decision{
		Cause:       schema.Position{Topic: "t.submissions.counter", Partition: 3, Offset: 7},
		Disposition: schema.DispositionFirst, Outcome: schema.OutcomeApproved, Policy: "p",
		CivilID: 291030104196, Kind: schema.KindRenewal, Article: 18, SponsorID: 204118336, Months: 12, Revision: schema.FirstRevision,
		NewExpiry: schema.NewDate(2027, 4, 10), SubmittedAt: noon, ReceivedAt: noon, DecidedAt: noon,
	}
	envelope := schema.Envelope{ID: "1", Type: schema.TypeDecision, Source: "/test", Time: d.DecidedAt}
	f.Add(d.CivilID.Append(nil), d.AppendJSON(nil), "3", "7", "bad_format")
	f.Add([]byte("2"), []byte("{}"), "+3", "7", "")
	f.Add([]byte("2"), []byte("{}"), "3", "-7", "")
	f.Add([]byte(nil), []byte("nonsense"), "3", "9223372036854775808", "x")
	f.Fuzz(func(t *testing.T, key, value []byte, partition, offset, rule string) {
		m := &topicMessage{key: key, value: value, headers: append(envelope.Headers(),
			schema.Header{Key: schema.HeaderOriginTopic, Value: []byte(d.Cause.Topic)},
			schema.Header{Key: schema.HeaderOriginPartition, Value: []byte(partition)},
			schema.Header{Key: schema.HeaderOriginOffset, Value: []byte(offset)},
			schema.Header{Key: schema.HeaderQuarantineRule, Value: []byte(rule)})}
		reader := announcementReader{
			verifier: &verifier{topics: schema.Topics{Prefix: "t"}},
			log:      schema.TopicPartition{Topic: "t.decisions.counter", Partition: 3},
		}
		for name, decode := range map[string]func(*topicMessage) decoded{"answer": reader.answer, "quarantined": reader.quarantined} {
			d := decode(m)
			if again := decode(m); again != d {
				t.Errorf("%s: %+v, and then %+v", name, d, again)
			}
			if d.kind == announces && (d.causeOffset < 0 || d.cause == "") {
				t.Errorf("%s: accepted: %+v", name, d)
			}
		}
		if d := reader.quarantined(m); d.kind == announces && partition != "3" {
			t.Errorf("partition %q was accepted for 3", partition)
		}
	})
}
