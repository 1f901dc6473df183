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
	// The time of a batch is its first offset in milliseconds, by the broker in every second.
	appended map[int64]time.Time
	open     [fuzzedProducers][]int64 // offsets of messages
	kept     []int64
}

const (
	fuzzedProducers = 4 // the first uses no transactions
	fuzzedAbort     = 6 // a number of messages that stands for this end
	fuzzedCommit    = 7
)

func writeLog(bytes []byte) *fuzzedLog {
	log := &fuzzedLog{appended: map[int64]time.Time{}}
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
	at := time.UnixMilli(log.next)
	records := make([]wire.Record, n)
	for i := range records {
		records[i] = wire.Record{Offset: log.next, Time: at, Value: wire.NewBytes(strconv.AppendInt(nil, log.next, 10))}
		log.open[producer] = append(log.open[producer], log.next)
		log.next++
	}
	if batch.BaseOffset%2 == 1 {
		log.appended[batch.BaseOffset] = at
		for i := range records {
			records[i].Time = time.UnixMilli(1) // its publisher's, which does not count
		}
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
		response := &fetched{ResponsePartition: &fetchapi.ResponsePartition{AbortedTransactions: log.aborted}, appendTimes: log.appended}
		response.RecordSet.Records = &wire.RecordStream{Records: log.batches}
		var got []int64
		next, err := new(logReader).readResponse(response, from, to, func(m *topicMessage) error {
			if string(m.value) != fmt.Sprint(m.offset) {
				t.Errorf("offset %d has the bytes of %s", m.offset, m.value)
			}
			if at := m.publishedAt.UnixMilli(); at > m.offset || at <= m.offset-fuzzedAbort {
				t.Errorf("offset %d has the time %d of another batch", m.offset, at)
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

// FuzzAppendTimes reads any response's bytes: it must end, whatever they are.
func FuzzAppendTimes(f *testing.F) {
	f.Add([]byte{}, int16(4))
	f.Add(make([]byte, 200), int16(11))
	f.Add([]byte("\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x01\x7f\xff"), int16(7))
	f.Fuzz(func(t *testing.T, frame []byte, version int16) {
		if n := len(appendTimes(records(frame, version))); n > len(frame)/batchMaxTimeTo {
			t.Errorf("%d batches in %d bytes", n, len(frame))
		}
		appendTimes(frame)
	})
}

// FuzzAnnouncements decodes any message of the topics that the stages announce on. What is
// accepted must be caused by a message of this partition of the channel, and decoding it again
// must give the same.
func FuzzAnnouncements(f *testing.F) {
	topics := schema.Topics{Prefix: "t"}
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, schema.Kuwait)
	cause := schema.Position{Topic: topics.Submissions("counter"), Partition: 3, Offset: 7}
	d := schema.Decision{
		Cause: cause, Disposition: schema.DispositionFirst, Outcome: schema.OutcomeApproved, Policy: "p", Revision: schema.FirstRevision,
		CivilID: 291030104196, Kind: schema.KindRenewal, Article: 18, SponsorID: 204118336, Months: 12,
		NewExpiry: schema.NewDate(2027, 4, 10), SubmittedAt: noon, ReceivedAt: noon, DecidedAt: noon,
	}
	u := schema.NewUnreadable(cause, noon, &schema.Error{Rule: schema.RuleNotJSON, Detail: "3 bytes"})
	elsewhere := u
	elsewhere.Cause.Topic = topics.Submissions("mobile_app")
	origin := noon.UTC().Format(time.RFC3339Nano)
	f.Add(d.CivilID.Append(nil), d.AppendJSON(nil), schema.TypeDecision, cause.Topic, "3", "7", "bad_format", origin)
	f.Add([]byte("2"), u.AppendJSON(nil), schema.TypeUnreadable, cause.Topic, "+3", "7", "", origin)
	f.Add([]byte(nil), elsewhere.AppendJSON(nil), schema.TypeUnreadable, topics.Decisions("counter"), "3", "-7", "", "now")
	f.Add([]byte(nil), []byte("nonsense"), "tajdeed.later.v1", "u.submissions.counter", "3", "9223372036854775808", "x", "")
	f.Fuzz(func(t *testing.T, key, value []byte, kind, topic, partition, offset, rule, at string) {
		envelope := schema.Envelope{ID: "1", Type: kind, Source: "/test", Time: noon}
		m := &topicMessage{key: key, value: value, headers: append(envelope.Headers(),
			schema.Header{Key: schema.HeaderOriginTopic, Value: []byte(topic)},
			schema.Header{Key: schema.HeaderOriginPartition, Value: []byte(partition)},
			schema.Header{Key: schema.HeaderOriginOffset, Value: []byte(offset)},
			schema.Header{Key: schema.HeaderOriginTimestamp, Value: []byte(at)},
			schema.Header{Key: schema.HeaderQuarantineRule, Value: []byte(rule)})}
		reader := announcementReader{topics: topics}
		reader.log = schema.TopicPartition{Topic: topics.Decisions("counter"), Partition: 3}
		answered, answer, is := reader.answer(m)
		if again, same, still := reader.answer(m); same != answer || still != is || again != answered {
			t.Errorf("%s %+v %d, and then %s %+v %d", answered, answer, is, again, same, still)
		}
		if is == ours && (answered != cause.Topic || answer.causeOffset < 0) {
			t.Errorf("an answer to %s was accepted: %+v", answered, answer)
		}
		reader.log.Topic = topics.Quarantine()
		from, quarantined, is := reader.quarantined(m)
		if again, same, still := reader.quarantined(m); same != quarantined || still != is || again != from {
			t.Errorf("%s %+v %d, and then %s %+v %d", from, quarantined, is, again, same, still)
		}
		if _, submitted := topics.SubmissionsChannel(from); is == ours && (!submitted || partition != "3" || quarantined.causeOffset < 0) {
			t.Errorf("quarantined from %s/%s was accepted: %+v", from, partition, quarantined)
		}
	})
}
