package producers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// ErrRefused marks what sending again can't help: the broker refused the message
// (too large, not allowed) or the call was wrong. Any other failure may pass.
var ErrRefused = errors.New("refused")

// ErrNotSent marks messages that were not tried because one before them in their
// partition failed.
var ErrNotSent = errors.New("not sent: a message before it in its partition failed")

// PublishError tells which messages of a call were not acknowledged. The others
// were. What failed without [ErrRefused] or [ErrNotSent] may be in the log all the
// same: its answer was lost.
type PublishError struct {
	Topic    string
	Messages int       // how many the call had
	Failures []Failure // in the order of the messages
}

// Failure is one message that was not acknowledged.
type Failure struct {
	Index     int // in the call's messages
	Partition int // -1 where none was chosen
	Err       error
}

// Error names the first failure and counts them.
func (e *PublishError) Error() string {
	first := e.Failures[0]
	return fmt.Sprintf("publish to %s: %d of %d messages not acknowledged; message %d, partition %d: %v",
		e.Topic, len(e.Failures), e.Messages, first.Index, first.Partition, first.Err)
}

// Unwrap returns the different causes, so that [errors.Is] finds each.
func (e *PublishError) Unwrap() []error {
	var causes []error
	for _, f := range e.Failures {
		if !slices.Contains(causes, f.Err) {
			causes = append(causes, f.Err)
		}
	}
	return causes
}

// FailedPartitions are those of the messages that were not acknowledged; -1 is among
// them where none was chosen.
func (e *PublishError) FailedPartitions() []int {
	var partitions []int
	for _, f := range e.Failures {
		if !slices.Contains(partitions, f.Partition) {
			partitions = append(partitions, f.Partition)
		}
	}
	return partitions
}

// newPublishError puts the failures of all runs together; nil where there is none.
func newPublishError(topic string, messages int, runs []run, results []result) *PublishError {
	var failures []Failure
	for i, r := range runs {
		if results[i].err != nil {
			failures = append(failures, r.failures(results[i])...)
		}
	}
	if len(failures) == 0 {
		return nil
	}
	slices.SortFunc(failures, func(a, b Failure) int { return a.Index - b.Index })
	return &PublishError{Topic: topic, Messages: messages, Failures: failures}
}

func (r run) failures(res result) []Failure {
	var failures []Failure
	for i, at := range r.index[res.acked:] {
		err := ErrNotSent
		if i < res.failed {
			err = res.err
		}
		failures = append(failures, Failure{Index: at, Partition: r.partition, Err: err})
	}
	return failures
}

// allFailed is a call that failed before its messages had partitions.
func allFailed(topic string, msgs []kafka.Message, err error) *PublishError {
	failures := make([]Failure, len(msgs))
	for i := range failures {
		failures[i] = Failure{Index: i, Partition: -1, Err: err}
	}
	return &PublishError{Topic: topic, Messages: len(msgs), Failures: failures}
}

// recordsError is a batch that the broker refused for some of its records.
type recordsError struct {
	first int // the first of them
	err   error
}

func (e *recordsError) Error() string { return e.err.Error() }
func (e *recordsError) Unwrap() error { return e.err }

func newRecordsError(err error, refused []produce.ResponseError) error {
	first := slices.MinFunc(refused, func(a, b produce.ResponseError) int { return int(a.BatchIndex - b.BatchIndex) })
	return &recordsError{first: int(first.BatchIndex), err: fmt.Errorf("%w: %s", err, first.BatchIndexErrorMessage)}
}

// terminal says whether sending the same again is useless. What is not known here
// is tried again.
func terminal(err error) bool {
	var code kafka.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidMessageSize,
		kafka.InvalidRecord, kafka.InvalidTimestamp, kafka.PolicyViolation,
		kafka.InvalidTopic, kafka.InvalidRequest, kafka.InvalidRequiredAcks,
		kafka.UnsupportedVersion, kafka.UnsupportedForMessageFormat, kafka.UnsupportedCompressionType,
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState, kafka.SASLAuthenticationFailed:
		return true
	default:
		return false
	}
}

// reason is the bounded label of a failure in the metrics. Whether the end of ctx
// was it is asked of ctx itself: an attempt has a deadline of its own.
func reason(ctx context.Context, err error) string {
	switch {
	case errors.Is(err, ErrNotSent):
		return reasonNotSent
	case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
		return reasonTooLarge
	case errors.Is(err, ErrRefused):
		return reasonRefused
	case ctx.Err() != nil:
		return reasonContext
	default:
		return reasonExhausted
	}
}
