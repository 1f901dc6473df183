package consumers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// ErrGap stops a partition: the log does not go on where it should. Messages were
// deleted before they were read, or the topic was made anew. It is never passed
// over, since that would be a loss that nobody saw.
var ErrGap = errors.New("the log does not go on where the last batch ended")

// fetcher reads partitions of a topic that have the same leader, each in order.
// kafka-go's Reader and Conn check no CRC and deliver control records and aborted
// messages as messages, and its plain fetch request is slow; see rawRequest.
type fetcher struct {
	transport kafka.RoundTripper
	clientID  string
	broker    net.Addr
	topic     string
	maxBytes  int // of an answer, about
}

// fetchSlack is how much longer than the broker's own wait an answer may take.
const fetchSlack = 5 * time.Second

// fetch appends to each of the batches, which are of different partitions, what lies
// at its end, waiting at most maxWait for something to come to any of them. An answer
// has room for so much; the first batches are served first. What is wrong with single
// partitions is returned by the batch's index.
func (f *fetcher) fetch(ctx context.Context, batches []*Batch, maxWait time.Duration) (faults map[int]error, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait+fetchSlack)
	defer cancel()
	response, err := f.transport.RoundTrip(ctx, f.broker, &rawRequest{Request: f.request(batches, maxWait), clientID: f.clientID})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	answers, err := answersTo(batches, response)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	for i, b := range batches {
		if err := b.accept(answers[i]); err != nil {
			if faults == nil {
				faults = map[int]error{}
			}
			faults[i] = fmt.Errorf("fetch: %w", err)
		}
	}
	return faults, nil
}

// request asks for committed messages only: a transactional producer's aborted
// ones are no applications.
func (f *fetcher) request(batches []*Batch, maxWait time.Duration) *fetchapi.Request {
	partitions := make([]fetchapi.RequestPartition, len(batches))
	for i, b := range batches {
		partitions[i] = fetchapi.RequestPartition{
			Partition:          int32(b.Partition),
			CurrentLeaderEpoch: -1,
			FetchOffset:        b.To,
			LogStartOffset:     -1,
			PartitionMaxBytes:  int32(f.maxBytes),
		}
	}
	return &fetchapi.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(maxWait.Milliseconds()),
		MinBytes:       1,
		MaxBytes:       int32(f.maxBytes),
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics:         []fetchapi.RequestTopic{{Topic: f.topic, Partitions: partitions}},
	}
}

var errOtherPartitions = errors.New("the broker's answer is not about the partitions asked for")

// answersTo finds what was answered to each of the batches.
func answersTo(batches []*Batch, message protocol.Message) ([]*fetchedPartition, error) {
	response, ok := message.(*fetched)
	if !ok {
		return nil, errOtherPartitions
	}
	if response.fault != 0 {
		return nil, response.fault
	}
	answers := make([]*fetchedPartition, len(batches))
	for i := range response.partitions {
		answer := &response.partitions[i]
		at := slices.IndexFunc(batches, func(b *Batch) bool { return b.Partition == answer.partition })
		if at < 0 {
			return nil, errOtherPartitions
		}
		answers[at] = answer
	}
	if slices.Contains(answers, nil) {
		return nil, errOtherPartitions
	}
	return answers, nil
}

// accept appends what a broker answered about the batch's partition.
func (b *Batch) accept(answer *fetchedPartition) error {
	switch answer.fault {
	case 0:
	case kafka.OffsetOutOfRange:
		return fmt.Errorf("%w: %w", ErrGap, kafka.OffsetOutOfRange)
	default:
		return answer.fault
	}
	b.HighWatermark, b.readable = answer.highWatermark, answer.readable
	return appendRecords(b, answer)
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

// holds says whether a producer's transactional batch at an offset belongs to a
// transaction that was aborted.
func (a aborted) holds(producer, offset int64) bool {
	begins := a[producer]
	return len(begins) > 0 && begins[0] <= offset
}

// end forgets a producer's transaction at its marker.
func (a aborted) end(producer, offset int64) {
	if a.holds(producer, offset) {
		a[producer] = a[producer][1:]
	}
}
