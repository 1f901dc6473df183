package simulate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// ErrEnded says that the simulation's calendar, of more than a century, is at its
// end: there are no more messages. A larger population gets there later, by the
// number of messages.
var ErrEnded = errors.New("the simulated calendar is at its end")

// Publisher sends messages to the topics that they name and returns when all are
// acknowledged or given up; [tajdeed/producers.Publisher] does.
type Publisher interface {
	Publish(ctx context.Context, messages []client.Message) error
}

// Feed publishes a simulation's messages, each to its channel's topic of submissions, in
// their order as far as topics and partitions have one.
type Feed struct {
	Simulation *Simulation
	Publisher  Publisher
	Topics     schema.Topics
	// Rate is how many messages a second are published; 0 is as fast as possible. A
	// feed that was held up catches up as fast as possible.
	Rate float64
	// Total is how many messages are published; 0 is without end.
	Total int64
	// Published, where it is set, is called after every chunk with the number of its
	// messages, by the goroutine that called Run.
	Published func(n int)
}

const (
	// feedChunk is the most messages that one call publishes: enough for large
	// requests to every partition.
	feedChunk = 6000
	// feedTick is how often a feed with a rate checks what is due.
	feedTick = 20 * time.Millisecond
	// feedTimeout is how long a chunk may take, retries included.
	feedTimeout = time.Minute
)

// Run publishes until ctx ends, which is no error, or until Total is published. It
// returns [ErrEnded] after the simulation's last message, and ends at the first chunk
// that fails. A chunk that was begun when ctx ends is published to its end and
// reported to Published.
//
// The next chunk is made while this one is on its way, so a run that stopped early
// leaves the simulation ahead of what was published. To go on behind it, make the
// simulation anew and [Simulation.Skip] what was published.
func (f *Feed) Run(ctx context.Context) error {
	making, stop := context.WithCancel(ctx)
	chunks := make(chan []client.Message, 1)
	var made error
	var maker sync.WaitGroup
	maker.Go(func() {
		defer close(chunks)
		made = f.makeChunks(making, chunks)
	})
	defer maker.Wait() // the simulation is the caller's again
	defer stop()
	for chunk := range chunks {
		if ctx.Err() != nil {
			return nil
		}
		if err := f.publish(ctx, chunk); err != nil {
			return err
		}
		if f.Published != nil {
			f.Published(len(chunk))
		}
	}
	return made
}

// publish sends a chunk to its end even if ctx ends meanwhile: what is published
// must be counted, so that another run goes on behind it.
func (f *Feed) publish(ctx context.Context, chunk []client.Message) error {
	doing, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedTimeout)
	defer cancel()
	if err := f.Publisher.Publish(doing, chunk); err != nil {
		return fmt.Errorf("publish the simulation: %w", err)
	}
	return nil
}

// makeChunks makes what is due, in chunks, until ctx ends or all is made.
func (f *Feed) makeChunks(ctx context.Context, out chan<- []client.Message) error {
	begin, made := time.Now(), int64(0)
	ticker := time.NewTicker(feedTick)
	defer ticker.Stop()
	for f.Total == 0 || made < f.Total {
		n := f.due(time.Since(begin), made)
		if n == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			continue
		}
		chunk, ended := f.Simulation.NextMessages(f.Topics, n)
		if len(chunk) > 0 {
			select {
			case out <- chunk:
				made += int64(len(chunk))
			case <-ctx.Done():
				return nil
			}
		}
		if ended != nil {
			return ended
		}
	}
	return nil
}

// due is how many messages are to be made now, so long after the beginning and so
// many made since.
func (f *Feed) due(elapsed time.Duration, made int64) int {
	n := int64(feedChunk)
	if f.Rate > 0 {
		n = min(n, int64(elapsed.Seconds()*f.Rate)-made)
	}
	if f.Total > 0 {
		n = min(n, f.Total-made)
	}
	return int(max(n, 0))
}

// NextMessages returns the next n messages as they are published to an installation's
// topics. Where the
// simulation ends before, it returns those that there are and [ErrEnded].
func (s *Simulation) NextMessages(topics schema.Topics, n int) ([]client.Message, error) {
	messages := make([]client.Message, 0, n)
	for range n {
		m, ok := s.Next()
		if !ok {
			return messages, ErrEnded
		}
		messages = append(messages, m.Kafka(topics))
	}
	return messages, nil
}

// Skip passes over the next n messages, which count in the manifest all the same. It
// ends early with the error of ctx, or with [ErrEnded].
func (s *Simulation) Skip(ctx context.Context, n int64) error {
	for range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := s.Next(); !ok {
			return fmt.Errorf("skip %d messages: %w", n, ErrEnded)
		}
	}
	return nil
}

// Kafka returns the message as it is published to an installation's topics.
func (m *Message) Kafka(topics schema.Topics) client.Message {
	return client.Message{Topic: topics.Submissions(m.Channel), Key: m.Key, Value: m.Value, Headers: kafka.Headers(m.Headers)}
}
