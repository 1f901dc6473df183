package consumers

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// Assignment is a partition that a worker was given.
type Assignment struct {
	schema.TopicPartition

	LogStart int64 // where the partition's log begins
	// Claim is for a stage whose store cannot fence; the group's coordinator does it instead.
	Claim *Claim
}

// Start is where a worker goes on in a partition.
type Start struct {
	Next int64 // the offset
	// Until, if it is not 0, is the offset before which the first batch must end, exactly:
	// it is the batch that the worker before this one may have left half done.
	Until int64
}

// Claim is the offset that is committed for a partition, with a note. Of the two ways in
// which a stage can be fenced, this is the one for a store without transactions: the
// group's coordinator takes a commit only from the member that owns the partition in this
// generation, so a worker that lost the partition, and does not know, cannot write.
//
// A stage that writes claims reads them again when it takes a partition over: its
// committed offset counts, other than that of a [Ledger], which never reads it. So the
// engine commits no offset of a partition whose claim was written.
type Claim struct {
	client *kafka.Client
	group  string
	at     schema.TopicPartition
	// generation and member are what the coordinator knows the owner by.
	generation int
	member     string
	used       bool // whether it was written; one goroutine at a time works on a partition
}

// Read returns what the last owner wrote; the offset is negative where nobody has.
func (c *Claim) Read(ctx context.Context) (offset int64, note string, err error) {
	response, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: c.group, Topics: map[string][]int{c.at.Topic: {c.at.Partition}},
	})
	if err == nil {
		err = response.Error
	}
	offset = -1
	if err == nil {
		for _, p := range response.Topics[c.at.Topic] {
			if p.Partition == c.at.Partition {
				offset, note, err = p.CommittedOffset, p.Metadata, p.Error
			}
		}
	}
	if err != nil {
		return 0, "", fmt.Errorf("read the claim: %w", err)
	}
	return offset, note, nil
}

// Write writes the claim. [ErrFenced] says that the partition has another owner.
func (c *Claim) Write(ctx context.Context, offset int64, note string) error {
	c.used = true
	response, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: c.group, GenerationID: c.generation, MemberID: c.member,
		Topics: map[string][]kafka.OffsetCommit{c.at.Topic: {{Partition: c.at.Partition, Offset: offset, Metadata: note}}},
	})
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	for _, p := range response.Topics[c.at.Topic] {
		if p.Partition == c.at.Partition {
			return claimError(p.Error)
		}
	}
	return errors.New("write the claim: the coordinator's answer is not about the partition")
}

// claimError tells a partition that was lost from a coordinator that cannot answer.
func claimError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		err = fmt.Errorf("%w: %w", ErrFenced, err)
	}
	return fmt.Errorf("write the claim: %w", err)
}
