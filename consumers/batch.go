package consumers

import (
	"errors"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
)

// Message is one message of a partition. Its bytes belong to its batch: they must not be
// changed.
type Message = fetch.Message

// Batch is a run of a partition's log that takes effect as a whole.
type Batch struct {
	Topic      string
	Partition  int
	Partitions int // how many the topic has
	// From is the first offset of the run and To the one after its last. Between them lie
	// the messages, and offsets that hold none for us: a transaction's marker, a message of
	// an aborted transaction.
	From, To int64
	Messages []Message

	// HighWatermark is the partition's end when the run was fetched.
	HighWatermark int64

	quarantined []quarantined
	refused     int // messages that were moved from Messages to quarantined
}

// TopicPartition returns the partition whose messages they are.
func (b *Batch) TopicPartition() schema.TopicPartition {
	return schema.TopicPartition{Topic: b.Topic, Partition: b.Partition}
}

// Position returns where a message of the batch lies.
func (b *Batch) Position(m *Message) schema.Position {
	return schema.Position{Topic: b.Topic, Partition: b.Partition, Offset: m.Offset}
}

// Quarantine quarantines a message that cannot be read as the contract says: it has no
// effect, and its bytes go to the quarantine topic with the reason, which is a
// [schema.Error] if a decoder of ours gave it.
func (b *Batch) Quarantine(m *Message, err error) {
	reason, ok := errors.AsType[*schema.Error](err)
	if !ok {
		reason = &schema.Error{Rule: schema.RuleBadFormat, Detail: err.Error()}
	}
	b.quarantined = append(b.quarantined, quarantined{message: m, reason: reason})
}

// Skipped is the number of offsets in the run that hold no message.
func (b *Batch) Skipped() int64 {
	return b.To - b.From - int64(len(b.Messages)) - int64(b.refused)
}

// split cuts a batch of more than most messages into as few as possible, of about the same
// size, in order: a small last one would cost as much as a whole batch.
func (b *Batch) split(most int) []*Batch {
	var parts []*Batch
	for n := (len(b.Messages) + most - 1) / most; n > 1; n-- {
		var head *Batch
		head, b = b.cut(len(b.Messages) / n)
		parts = append(parts, head)
	}
	return append(parts, b)
}

// cut cuts a batch before its nth message. Neither half counts as decoded.
func (b *Batch) cut(n int) (head, tail *Batch) {
	first, second := *b, *b
	first.Messages, second.Messages = b.Messages[:n], b.Messages[n:]
	first.To = second.Messages[0].Offset
	second.From = first.To
	first.quarantined, second.quarantined = nil, nil
	return &first, &second
}

// before returns the part of a batch that lies before an offset.
func (b *Batch) before(offset int64) *Batch {
	n := len(b.Messages)
	for n > 0 && b.Messages[n-1].Offset >= offset {
		n--
	}
	head := *b
	head.Messages, head.To = b.Messages[:n], min(b.To, offset)
	return &head
}

// without returns a batch of one message as one that has quarantined it.
func (b *Batch) without(err error) *Batch {
	alone := *b
	alone.Messages, alone.quarantined, alone.refused = nil, nil, len(b.Messages)
	alone.Quarantine(&b.Messages[0], err)
	return &alone
}
