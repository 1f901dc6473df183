// Package fetch reads messages from Kafka's brokers: those of several partitions, of any
// topics, with one request, each partition in order and every offset once. Its caller is the
// engine in the parent package, which knows where each partition goes on.
//
// It refuses what would lose messages or double them: a checksum that is wrong, an offset
// that is not the next one, a broker's answer about something else. It passes over what
// is no message: the markers of transactions, and what aborted ones wrote.
//
// kafka-go's own Reader, Conn and Client do not do all of this. The tests in library_test.go
// show what each does instead.
package fetch

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

	"tajdeed/schema"
)

var (
	// ErrGap says that a partition's log does not go on where it should. Messages were
	// deleted before they were read, or the topic was made anew. It is never passed over,
	// since that would be a loss that nobody saw.
	ErrGap = errors.New("the log does not go on where the last batch ended")
	// ErrLeaders says that the partitions which were asked for have no leader in common: they
	// have different ones, or one of them has none, or does not exist.
	ErrLeaders = errors.New("the partitions have no leader in common")
)

// Message is one message of a partition. Its bytes are slices of the broker's answer,
// which they keep in memory.
type Message struct {
	Offset  int64
	Time    time.Time // when it was published, by the publisher's clock; by the broker's where the topic says LogAppendTime
	Key     []byte
	Value   []byte
	Headers []schema.Header
}

// Run is a run of a partition's log, as far as it was fetched.
type Run struct {
	schema.TopicPartition

	// From is the first offset of the run and To the one after its last. Between them lie
	// the messages, and offsets that hold none for us: a transaction's marker, a message of
	// an aborted transaction.
	From, To int64
	Messages []Message

	// HighWatermark is the partition's end when the run was last added to.
	HighWatermark int64
	// LeftOut says that the last answer was full before it came to the partition, so that nothing
	// is known of its end. Apache Kafka answers about every partition; others may not.
	LeftOut bool
	// readable is up to where the partition could be read then: not beyond the first
	// message of a transaction that is open (Kafka's last stable offset).
	readable int64

	spare []schema.Header // memory for the messages' headers
}

// Behind is whether more of the partition could be read than was, or may be.
func (r *Run) Behind() bool { return r.LeftOut || r.Remaining() > 0 }

// Remaining is how many offsets could be read beyond those that were.
func (r *Run) Remaining() int64 { return r.readable - r.To }

// Fetcher reads partitions of topics.
type Fetcher struct {
	Transport kafka.RoundTripper
	ClientID  string
	Broker    net.Addr // any, or a list of them; the transport finds the leaders
	MaxBytes  int      // of an answer, about
}

// slack is how much longer than the broker's own wait an answer may take.
const slack = 5 * time.Second

// Fetch appends to each of the runs, which are of different partitions with the same
// leader, what lies at its end, waiting at most maxWait for something to come to any of
// them. An answer has room for so much; the first runs are served first. What is wrong
// with single partitions is returned by the run's index; [ErrGap] may be among that.
func (f *Fetcher) Fetch(ctx context.Context, runs []*Run, maxWait time.Duration) (faults map[int]error, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait+slack)
	defer cancel()
	response, err := f.Transport.RoundTrip(ctx, f.Broker, &rawRequest{Request: f.request(runs, maxWait), clientID: f.ClientID})
	if _, none := errors.AsType[*fetchapi.Error](err); none {
		err = fmt.Errorf("%w: %w", ErrLeaders, err)
	}
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	answers, err := answersTo(runs, response)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	for i, r := range runs {
		if r.LeftOut = answers[i] == nil; r.LeftOut {
			continue
		}
		if err := r.add(answers[i]); err != nil {
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
func (f *Fetcher) request(runs []*Run, maxWait time.Duration) *fetchapi.Request {
	return &fetchapi.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(maxWait.Milliseconds()),
		MinBytes:       1,
		MaxBytes:       int32(f.MaxBytes),
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics:         f.topics(runs),
	}
}

// topics lists the runs' partitions in their order, because a broker serves them in that
// order until the answer is full. So a topic may be listed more than once: only runs that
// follow one another share an entry.
func (f *Fetcher) topics(runs []*Run) []fetchapi.RequestTopic {
	var topics []fetchapi.RequestTopic
	partitions := make([]fetchapi.RequestPartition, len(runs)) // of all entries
	begin := 0                                                 // of the last entry's
	for i, r := range runs {
		partitions[i] = fetchapi.RequestPartition{
			Partition:          int32(r.Partition),
			CurrentLeaderEpoch: -1,
			FetchOffset:        r.To,
			LogStartOffset:     -1,
			PartitionMaxBytes:  int32(f.MaxBytes),
		}
		if last := len(topics) - 1; last < 0 || topics[last].Topic != r.Topic {
			topics, begin = append(topics, fetchapi.RequestTopic{Topic: r.Topic}), i
		}
		topics[len(topics)-1].Partitions = partitions[begin : i+1]
	}
	return topics
}

var errOtherPartitions = errors.New("the broker's answer is not about the partitions asked for")

// answersTo finds what was answered to each of the runs. An answer that holds messages may be
// full, and leave runs out: theirs is nil.
func answersTo(runs []*Run, message protocol.Message) ([]*partitionAnswer, error) {
	response, ok := message.(*answer)
	if !ok {
		return nil, errOtherPartitions
	}
	if response.fault != 0 {
		return nil, response.fault
	}
	answers := make([]*partitionAnswer, len(runs))
	at := -1
	for i := range response.partitions {
		answer := &response.partitions[i]
		if at = answer.find(runs, at+1); at < 0 || answers[at] != nil {
			return nil, errOtherPartitions
		}
		answers[at] = answer
	}
	full := slices.ContainsFunc(response.partitions, func(a partitionAnswer) bool { return len(a.records) > 0 })
	if !full && slices.Contains(answers, nil) {
		return nil, errOtherPartitions
	}
	return answers, nil
}

// find returns which of the runs the answer is about, -1 for none. It looks at the expected
// one first: brokers answer in the order in which they are asked.
func (a *partitionAnswer) find(runs []*Run, expected int) int {
	isOf := func(r *Run) bool { return r.Partition == a.partition && r.Topic == string(a.topic) }
	if expected < len(runs) && isOf(runs[expected]) {
		return expected
	}
	return slices.IndexFunc(runs, isOf)
}

// add appends what a broker answered about the run's partition.
func (r *Run) add(answer *partitionAnswer) error {
	switch answer.fault {
	case 0:
	case kafka.OffsetOutOfRange:
		return fmt.Errorf("%w: %w", ErrGap, kafka.OffsetOutOfRange)
	default:
		return answer.fault
	}
	r.HighWatermark, r.readable = answer.highWatermark, answer.readable
	return r.addRecords(answer)
}
