package consumers

import (
	"cmp"
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
// engine commits no offset of a partition whose claim was read or written: it commits up to a
// second later, and would replace a claim that was written meanwhile.
type Claim struct {
	client *kafka.Client
	group  string
	at     schema.TopicPartition
	// generation and member are what the coordinator knows the owner by.
	generation int
	member     string
	used       bool // whether it was read or written; one goroutine at a time works on a partition
}

// Read returns what the last owner wrote; the offset is negative where nobody has.
func (c *Claim) Read(ctx context.Context) (offset int64, note string, err error) {
	c.used = true
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
	return WriteClaims(ctx, []ClaimWrite{{c, offset, note}})
}

// ClaimWrite is a claim that is to be written, and what with.
type ClaimWrite struct {
	Claim  *Claim
	Offset int64
	Note   string
}

// WriteClaims writes claims, which must be those of one worker's generation, with one request.
// After an error some may be written. If partitions have another owner, the error is a
// [*FencedError] that names them.
func WriteClaims(ctx context.Context, writes []ClaimWrite) error {
	commits := map[string][]kafka.OffsetCommit{}
	for _, w := range writes {
		c := w.Claim
		c.used = true
		commits[c.at.Topic] = append(commits[c.at.Topic], kafka.OffsetCommit{Partition: c.at.Partition, Offset: w.Offset, Metadata: w.Note})
	}
	c := writes[0].Claim
	response, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: c.group, GenerationID: c.generation, MemberID: c.member, Topics: commits,
	})
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	if err := claimsError(writes, response); err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	return nil
}

// errNotAnswered says that the coordinator left a partition out.
var errNotAnswered = errors.New("the coordinator's answer is not about the partition")

// claimsError is what the coordinator's answer says against the claims. That some partitions
// were lost comes first: whatever else is wrong, they are not tried again.
func claimsError(writes []ClaimWrite, response *kafka.OffsetCommitResponse) error {
	answers := map[schema.TopicPartition]error{}
	for topic, partitions := range response.Topics {
		for _, p := range partitions {
			answers[schema.TopicPartition{Topic: topic, Partition: p.Partition}] = p.Error
		}
	}
	var fenced []schema.TopicPartition
	var first, other error
	for _, w := range writes {
		err, answered := answers[w.Claim.at]
		switch {
		case !answered:
			other = cmp.Or(other, errNotAnswered)
		case isFence(err):
			fenced, first = append(fenced, w.Claim.at), cmp.Or(first, err)
		default:
			other = cmp.Or(other, err)
		}
	}
	if len(fenced) > 0 {
		return fmt.Errorf("%w: %w", &FencedError{fenced}, first)
	}
	return other
}

// isFence tells a partition that was lost from a coordinator that cannot answer.
func isFence(err error) bool {
	return errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) ||
		errors.Is(err, kafka.RebalanceInProgress) || errors.Is(err, kafka.FencedInstanceID)
}
