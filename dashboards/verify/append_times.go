package verify

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"

	wire "github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// The topics carry the broker's time: when a batch was appended, which stands in the batch
// and not in its messages. The client passes over it and returns the publisher's time. So a
// response is read as bytes, in which these times are found, and then given to the client.

// rawFetch is a request whose response is read as bytes. It is for one use.
type rawFetch struct {
	*fetchapi.Request
	version int16
}

var _ wire.RawExchanger = (*rawFetch)(nil)

// Required is told which versions the broker speaks.
func (r *rawFetch) Required(versions map[wire.ApiKey]int16) bool {
	r.version = versions[wire.Fetch]
	return true
}

// rawResponse is a response, and when its batches were appended.
type rawResponse struct {
	*fetchapi.Response
	appendTimes map[int64]time.Time // by the batches' first offsets
}

const (
	correlation = 1 // a connection carries one request at a time
	// mostResponseBytes bounds what a response may make us allocate.
	mostResponseBytes = 256 << 20
)

var errResponse = errors.New("the broker's response is not whole, or not one to the request")

// RawExchange sends the request and reads the response.
func (r *rawFetch) RawExchange(broker io.ReadWriter) (wire.Message, error) {
	if err := wire.WriteRequest(broker, r.version, correlation, "tajdeed-verify", r.Request); err != nil {
		return nil, err
	}
	frame, err := readFrame(broker)
	if err != nil {
		return nil, err
	}
	id, message, err := wire.ReadResponse(bytes.NewReader(frame), wire.Fetch, r.version)
	if err != nil {
		return nil, err
	}
	response, ok := message.(*fetchapi.Response)
	if !ok || id != correlation {
		return nil, errResponse
	}
	return &rawResponse{response, appendTimes(records(frame, r.version))}, nil
}

// readFrame reads a response with the four bytes of its size before it.
func readFrame(from io.Reader) ([]byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(from, size); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size)
	if n > mostResponseBytes {
		return nil, errResponse
	}
	frame := make([]byte, 4+int(n))
	copy(frame, size)
	_, err := io.ReadFull(from, frame[4:])
	return frame, err
}

// records returns the batches of a response about one partition: what comes last in it (Kafka
// protocol guide, "Fetch Response", of the versions 4 to 11).
func records(frame []byte, version int16) []byte {
	at := 4 + 4 + 4 // size, correlation, throttled
	if version >= 7 {
		at += 2 + 4 // error, session
	}
	at += 4                            // number of topics
	at += 2 + int(uint16At(frame, at)) // the topic's name
	at += 4 + 4 + 2 + 8 + 8            // number of partitions, partition, error, high watermark, last stable offset
	if version >= 5 {
		at += 8 // log start
	}
	const transactionBytes = 16
	at += 4 + transactionBytes*max(0, int(int32At(frame, at))) // aborted transactions
	if version >= 11 {
		at += 4 // preferred replica
	}
	at += 4 // size of the records
	if at > len(frame) {
		return nil
	}
	return frame[at:]
}

// The layout of a batch (Kafka documentation, "Record Batch").
const (
	batchSizeAt    = 8
	batchVersionAt = 16
	attributesAt   = 21
	maxTimeAt      = 35
	batchMaxTimeTo = 43

	logAppendTime = 1 << 3 // among the attributes: the latest time is the broker's, of all messages
)

// appendTimes finds when batches were appended, by their first offsets. A batch with the times
// of its publisher is left out.
func appendTimes(batches []byte) map[int64]time.Time {
	times := map[int64]time.Time{}
	for len(batches) >= batchMaxTimeTo && batches[batchVersionAt] == 2 {
		if uint16At(batches, attributesAt)&logAppendTime != 0 {
			first, at := binary.BigEndian.Uint64(batches), binary.BigEndian.Uint64(batches[maxTimeAt:])
			times[int64(first)] = time.UnixMilli(int64(at))
		}
		end := batchSizeAt + 4 + int(int32At(batches, batchSizeAt))
		if end < batchMaxTimeTo || end > len(batches) {
			break
		}
		batches = batches[end:]
	}
	return times
}

// uint16At and int32At return 0 beyond the end.
func uint16At(b []byte, at int) uint16 {
	if at < 0 || at+2 > len(b) {
		return 0
	}
	return binary.BigEndian.Uint16(b[at:])
}

func int32At(b []byte, at int) int32 {
	if at < 0 || at+4 > len(b) {
		return 0
	}
	return int32(binary.BigEndian.Uint32(b[at:]))
}

// fetched is what a response says of the partition that was asked for.
type fetched struct {
	*fetchapi.ResponsePartition
	appendTimes map[int64]time.Time
}

// withAppendTime returns each, for messages of a batch that carry the broker's time.
func (f *fetched) withAppendTime(batch wire.RecordReader, each func(*topicMessage) error) func(*topicMessage) error {
	b, ok := batch.(*wire.RecordBatch)
	if !ok {
		return each
	}
	at, appended := f.appendTimes[b.BaseOffset]
	if !appended {
		return each
	}
	return func(m *topicMessage) error {
		m.publishedAt = at
		return each(m)
	}
}
