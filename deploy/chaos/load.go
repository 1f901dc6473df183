package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
)

// load publishes a simulation while faults strike: at a steady rate with a burst now and
// then, and every message until it is acknowledged.
type load struct {
	simulation *simulate.Simulation
	publisher  *producers.Publisher
	topics     schema.Topics
	floods     schema.Channel
	expected   *expected
	rate       int // messages a second, without the bursts
	chunks     int // published so far

	again []kafka.Message // what the flooding channel sends again and again
}

const (
	publishEvery = 100 * time.Millisecond
	// One chunk in burstEvery is burstTimes as large: it makes a backlog, and with it
	// full batches.
	burstEvery, burstTimes = 40, 25
	// floodTimes is how many times as many messages as all channels together one channel
	// sends, as one does whose program sends everything again until it has read the answer. It
	// sends its last floodKept messages in turn.
	floodTimes, floodKept = 8, 500
)

// publish publishes until taking ends, and finishes the chunk that it has begun.
func (l *load) publish(taking, doing context.Context) error {
	ticker := time.NewTicker(publishEvery)
	defer ticker.Stop()
	for {
		select {
		case <-taking.Done():
			return nil
		case <-ticker.C:
		}
		if err := l.publishChunk(doing); err != nil {
			return err
		}
	}
}

func (l *load) publishChunk(ctx context.Context) error {
	n := max(l.rate*int(publishEvery)/int(time.Second), 1)
	if l.chunks++; l.chunks%burstEvery == 0 {
		n *= burstTimes
	}
	chunk := make([]kafka.Message, 0, n*(1+floodTimes))
	for range n {
		m, ok := l.simulation.Next()
		if !ok {
			return errors.New("the simulation has reached the end of its calendar")
		}
		message := m.Kafka(l.topics)
		l.expected.addPublished(&message, m.Expect)
		if m.Channel == l.floods && m.Expect.Disposition == schema.DispositionFirst {
			l.again = append(l.again, message)
		}
		chunk = append(chunk, message)
	}
	return l.publishUntilAcknowledged(ctx, append(chunk, l.flood(n)...))
}

// flood returns what the flooding channel sends again beside n messages.
func (l *load) flood(n int) []kafka.Message {
	l.again = l.again[max(len(l.again)-floodKept, 0):]
	if len(l.again) == 0 {
		return nil
	}
	flood := make([]kafka.Message, floodTimes*n)
	for i := range flood {
		flood[i] = l.again[i%len(l.again)]
		l.expected.addSentAgain(&flood[i])
	}
	return flood
}

// publishUntilAcknowledged publishes messages, and again those that failed, in order,
// until none fails.
func (l *load) publishUntilAcknowledged(ctx context.Context, messages []kafka.Message) error {
	for {
		err := l.publisher.Publish(ctx, messages)
		failed := new(producers.PublishError)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil, errors.Is(err, producers.ErrRefused), !errors.As(err, &failed):
			return fmt.Errorf("publish the simulation: %w", err)
		}
		again := make([]kafka.Message, len(failed.Failures))
		for i, f := range failed.Failures {
			again[i] = messages[f.Index]
		}
		messages = again
	}
}
