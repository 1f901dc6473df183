package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
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

// answer is the answer to a fetch request.
type answer struct {
	fault      kafka.Error
	partitions []partitionAnswer
}

// partitionAnswer is what was answered about a partition.
type partitionAnswer struct {
	topic                   []byte // a slice of the answer
	partition               int
	fault                   kafka.Error
	highWatermark, readable int64
	aborted                 []fetchapi.ResponseTransaction
	records                 []byte // Kafka's record batches
}

// ApiKey says what it answers.
func (*answer) ApiKey() protocol.ApiKey { return protocol.Fetch }

var errAnswer = errors.New("the broker's answer is not one to the request, or not whole")

func readAnswer(r io.Reader, version int16) (*answer, error) {
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
func parseAnswer(frame []byte, version int16) (*answer, error) {
	w := wire{b: frame}
	var a answer
	if w.int32() != correlation {
		return nil, errAnswer
	}
	w.int32() // throttled
	if version >= 7 {
		a.fault = kafka.Error(w.int16())
		w.int32() // session
	}
	for topics := w.int32(); topics > 0 && !w.short; topics-- {
		topic := w.next(int(w.int16()))
		for partitions := w.int32(); partitions > 0 && !w.short; partitions-- {
			a.partitions = append(a.partitions, w.partition(topic, version))
		}
	}
	if w.short {
		return nil, errAnswer
	}
	return &a, nil
}

func (w *wire) partition(topic []byte, version int16) partitionAnswer {
	p := partitionAnswer{
		topic: topic, partition: int(w.int32()), fault: kafka.Error(w.int16()), highWatermark: w.int64(), readable: w.int64(),
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
	p.records = w.next(max(0, int(w.int32()))) // null is -1
	return p
}
