package main

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

// feed publishes a simulation's messages in their order.
type feed struct {
	simulation *simulate.Simulation
	publisher  *producers.Publisher
	topic      string
	// rate is how many messages a second are published; 0 is as fast as possible.
	rate float64
	// total is how many are published; 0 is without end.
	total int64
	// published is told after every chunk how many there were.
	published func(n int)
}

const (
	// feedChunk is how many messages are published at a time when there is no rate:
	// enough for large requests to every partition.
	feedChunk = 6000
	// feedTick is how often a rate is caught up with.
	feedTick = 20 * time.Millisecond
	// feedTimeout is how long a chunk may take, retries included.
	feedTimeout = time.Minute
)

// run publishes until ctx ends, which is no error, or all is published. The next
// chunk is made while this one is on its way.
func (f *feed) run(ctx context.Context) error {
	chunks := make(chan []kafka.Message, 1)
	made := make(chan error, 1)
	making, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(chunks)
		made <- f.makeChunks(making, chunks)
	}()
	for chunk := range chunks {
		if ctx.Err() != nil {
			return nil
		}
		if err := f.publish(ctx, chunk); err != nil {
			return err
		}
		f.published(len(chunk))
	}
	return <-made
}

// publish sends a chunk to its end, whenever we are told to stop: what was begun is
// counted, so that another run goes on behind it.
func (f *feed) publish(ctx context.Context, chunk []kafka.Message) error {
	doing, cancel := context.WithTimeout(context.WithoutCancel(ctx), feedTimeout)
	defer cancel()
	if err := f.publisher.Publish(doing, f.topic, chunk); err != nil {
		return fmt.Errorf("publish the simulation: %w", err)
	}
	return nil
}

// makeChunks makes what is due, in chunks.
func (f *feed) makeChunks(ctx context.Context, out chan<- []kafka.Message) error {
	begin, sent := time.Now(), int64(0)
	ticker := time.NewTicker(feedTick)
	defer ticker.Stop()
	for f.total == 0 || sent < f.total {
		n := f.due(time.Since(begin), sent)
		if n == 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-ticker.C:
			}
			continue
		}
		chunk, err := nextChunk(f.simulation, n)
		if err != nil {
			return err
		}
		select {
		case out <- chunk:
			sent += int64(n)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// due is how many messages are to be published now.
func (f *feed) due(elapsed time.Duration, sent int64) int {
	n := int64(feedChunk)
	if f.rate > 0 {
		n = min(n, int64(elapsed.Seconds()*f.rate)-sent)
	}
	if f.total > 0 {
		n = min(n, f.total-sent)
	}
	return int(max(n, 0))
}

// nextChunk takes the next n messages of a simulation.
func nextChunk(s *simulate.Simulation, n int) ([]kafka.Message, error) {
	chunk := make([]kafka.Message, n)
	for i := range chunk {
		m, ok := s.Next()
		if !ok {
			return nil, errors.New("the simulated calendar, more than a century, is at its end: begin anew with --fresh, with more --residents for a slower one")
		}
		chunk[i] = kafka.Message{Key: m.Key, Value: m.Value, Headers: kafkaHeaders(m.Headers)}
	}
	return chunk, nil
}

func kafkaHeaders(headers []schema.Header) []kafka.Header {
	out := make([]kafka.Header, len(headers))
	for i, h := range headers {
		out[i] = kafka.Header{Key: h.Key, Value: h.Value}
	}
	return out
}
