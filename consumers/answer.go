package consumers

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// answersFor returns the answers to a run of the partition's messages, in the order of the
// messages: what the stage announces, and notices of those that were quarantined.
func (p *ledgerPartition) answersFor(announced []kafka.Message, unread []quarantined) []kafka.Message {
	answers := announced
	if len(unread) > 0 {
		answers = inOrder(announced, p.notices(unread))
	}
	for i := range answers {
		answers[i].Topic, answers[i].Partition = p.answersTo, p.at.Partition
	}
	return answers
}

// inOrder merges answers, each in the order of their causes' offsets.
func inOrder(announced, notices []kafka.Message) []kafka.Message {
	all := make([]kafka.Message, 0, len(announced)+len(notices))
	for _, notice := range notices {
		n := 0
		for n < len(announced) && announced[n].Offset < notice.Offset {
			n++
		}
		all, announced = append(append(all, announced[:n]...), notice), announced[n:]
	}
	return append(all, announced...)
}

// notices answer messages that were quarantined. They repeat nothing of a message but its
// key, and that only if it is a Civil ID: a channel finds what concerns a resident under it.
func (p *ledgerPartition) notices(unread []quarantined) []kafka.Message {
	unread = slices.SortedStableFunc(slices.Values(unread), func(a, b quarantined) int {
		return cmp.Compare(a.message.Offset, b.message.Offset)
	})
	out := make([]kafka.Message, len(unread))
	for i, q := range unread {
		cause := schema.Position{Topic: p.at.Topic, Partition: p.at.Partition, Offset: q.message.Offset}
		notice := schema.NewUnreadable(cause, q.message.Time, q.reason)
		notice.Simulation = p.ledger.config.Simulation
		envelope := schema.Envelope{
			ID:   fmt.Sprintf("%s/%d", p.at, q.message.Offset),
			Type: schema.TypeUnreadable, Source: p.ledger.config.Source,
			// The same whenever it is published: no clock of ours is in it.
			Time: q.message.Time.UTC(),
		}
		out[i] = kafka.Message{Offset: q.message.Offset, Value: notice.AppendJSON(nil), Headers: kafkaschema.Headers(envelope.Headers())}
		if _, err := schema.ParseCivilID(string(q.message.Key)); err == nil {
			out[i].Key = q.message.Key
		}
	}
	return out
}

// takeoverPage is how many offsets are read and answered at a time when a partition is
// taken over.
const takeoverPage = 10_000

// announceAgain publishes the answers between the announced and the applied, and what was
// quarantined there, as they were to be published first.
func (p *ledgerPartition) announceAgain(ctx context.Context, next int64) error {
	l := p.ledger
	for p.published < next {
		to := min(next, p.published+takeoverPage)
		announced, err := l.stage.Announced(ctx, l.db, p.at, p.published, to)
		if err != nil {
			return fmt.Errorf("read announcements: %w", err)
		}
		unread, err := readQuarantined(ctx, l.db, p.at, p.published, to)
		if err != nil {
			return fmt.Errorf("read quarantined: %w", err)
		}
		if err := l.publish(ctx, p.answersFor(announced, unread)); err != nil {
			return err
		}
		if err := l.publish(ctx, quarantineMessages(l.config.Topics.Quarantine(), p.at, unread)); err != nil {
			return err
		}
		p.published = to
	}
	return nil
}
