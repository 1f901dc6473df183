package consumers

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Assignment is a partition that a worker was given.
type Assignment struct {
	Partition int
	LogStart  int64 // where the partition's log begins
	// Claim is for a stage whose store cannot fence: the broker does it.
	Claim *Claim
}

// Start is where a worker goes on in a partition.
type Start struct {
	Next int64
	// Until, if it is not 0, is where the first batch must end, exactly: it is the
	// batch that the worker before this one may have left half done.
	Until int64
}

// Claim is what the group's coordinator keeps of a partition: an offset and a note.
// Only a worker that owns the partition can write it, so it fences one that does not
// know that it lost it. A stage that writes claims has its offsets committed by
// them, and not by the engine.
type Claim struct {
	client    *kafka.Client
	group     string
	topic     string
	partition int
	// generation and member are what the coordinator knows the owner by.
	generation int
	member     string
	used       bool // by the partition's goroutine alone
}

// Read returns what the last owner wrote; the offset is negative where nobody has.
func (c *Claim) Read(ctx context.Context) (offset int64, note string, err error) {
	response, err := c.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: c.group, Topics: map[string][]int{c.topic: {c.partition}},
	})
	if err != nil {
		return 0, "", fmt.Errorf("read the claim: %w", err)
	}
	if response.Error != nil {
		return 0, "", fmt.Errorf("read the claim: %w", response.Error)
	}
	for _, p := range response.Topics[c.topic] {
		if p.Partition == c.partition {
			return p.CommittedOffset, p.Metadata, p.Error
		}
	}
	return -1, "", nil
}

// Write writes the claim. [ErrFenced] says that the partition has another owner.
func (c *Claim) Write(ctx context.Context, offset int64, note string) error {
	c.used = true
	response, err := c.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID: c.group, GenerationID: c.generation, MemberID: c.member,
		Topics: map[string][]kafka.OffsetCommit{c.topic: {{Partition: c.partition, Offset: offset, Metadata: note}}},
	})
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	for _, p := range response.Topics[c.topic] {
		if p.Partition == c.partition {
			return claimError(p.Error)
		}
	}
	return errors.New("write the claim: the coordinator's answer is not about the partition")
}

// claimError tells a lost partition from a coordinator that is unwell.
func claimError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		return fmt.Errorf("%w: %w", ErrFenced, err)
	}
	return fmt.Errorf("write the claim: %w", err)
}
