package demo

import (
	"context"

	client "github.com/segmentio/kafka-go"

	"tajdeed/producers"
	"tajdeed/schema"
)

// countingPublisher publishes what the simulation feeds, and counts what was acknowledged by
// channel. It is for one goroutine.
type countingPublisher struct {
	*producers.Publisher
	topics    schema.Topics
	byChannel map[schema.Channel]int64
}

// Publish publishes messages to their topics.
func (p *countingPublisher) Publish(ctx context.Context, messages []client.Message) error {
	if err := p.Publisher.Publish(ctx, messages); err != nil {
		return err
	}
	for i := range messages {
		if c, ok := p.topics.SubmissionsChannel(messages[i].Topic); ok {
			p.byChannel[c]++
		}
	}
	return nil
}
