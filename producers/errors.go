package producers

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/produce"

	"tajdeed/schema"
)

// ErrRefused marks a failure that sending again cannot help: the broker refused the
// message (too large, not allowed) or the call was wrong. Any other failure may pass.
var ErrRefused = errors.New("refused")

// ErrNotSent marks messages that were not tried because one before them in their
// partition failed.
var ErrNotSent = errors.New("not sent: a message before it in its partition failed")

// PublishError names the messages of a call that were not acknowledged. The others
// were. A message that failed with neither [ErrRefused] nor [ErrNotSent] may be in the
// log all the same: the answer may have been lost.
type PublishError struct {
	Messages int       // number of the call's messages
	Failures []Failure // in the order of the messages
}

// Failure is one message that was not acknowledged.
type Failure struct {
	Index int // among the call's messages
	// TopicPartition is where it was to go. The Partition is -1 where none was chosen.
	schema.TopicPartition

	Err error
}

// Error names the first failure and counts them.
func (e *PublishError) Error() string {
	first := e.Failures[0]
	return fmt.Sprintf("publish: %d of %d messages not acknowledged; message %d, for %s: %v",
		len(e.Failures), e.Messages, first.Index, first.TopicPartition, first.Err)
}

// Unwrap returns the distinct causes, so that [errors.Is] finds each.
func (e *PublishError) Unwrap() []error {
	var causes []error
	for _, f := range e.Failures {
		if !slices.Contains(causes, f.Err) {
			causes = append(causes, f.Err)
		}
	}
	return causes
}

// FailedPartitions returns the partitions of the messages that were not acknowledged. A
// Partition of -1 stands for any of its topic, where none was chosen.
func (e *PublishError) FailedPartitions() []schema.TopicPartition {
	var partitions []schema.TopicPartition
	for i := range e.Failures {
		if at := e.Failures[i].TopicPartition; !slices.Contains(partitions, at) {
			partitions = append(partitions, at)
		}
	}
	return partitions
}

// newPublishError puts the failures of all runs together; nil where there is none.
func newPublishError(messages int, all []sent) *PublishError {
	var failures []Failure
	for _, s := range all {
		if s.result.err != nil {
			failures = append(failures, s.failures()...)
		}
	}
	if len(failures) == 0 {
		return nil
	}
	slices.SortFunc(failures, func(a, b Failure) int { return a.Index - b.Index })
	return &PublishError{Messages: messages, Failures: failures}
}

func (s sent) failures() []Failure {
	var failures []Failure
	at := schema.TopicPartition{Topic: s.topic.name, Partition: s.run.partition}
	for i, message := range s.run.index[s.result.acked:] {
		err := ErrNotSent
		if i < s.result.failed {
			err = s.result.err
		}
		failures = append(failures, Failure{Index: message, TopicPartition: at, Err: err})
	}
	return failures
}

// messagesError says that the broker refused a batch for some of its messages.
type messagesError struct {
	first int // the batch's index of the first of them
	err   error
}

func (e *messagesError) Error() string { return e.err.Error() }
func (e *messagesError) Unwrap() error { return e.err }

func newMessagesError(err error, refused []produce.ResponseError) error {
	first := slices.MinFunc(refused, func(a, b produce.ResponseError) int { return int(a.BatchIndex - b.BatchIndex) })
	return &messagesError{first: int(first.BatchIndex), err: fmt.Errorf("%w: %s", err, first.BatchIndexErrorMessage)}
}

// terminal says whether it is useless to send the same again. A failure that is not
// listed here is tried again.
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

// reason is the label of a failure in the metrics. Whether the caller's ctx has ended
// is asked of ctx itself and not of err, since an attempt has its own deadline.
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
