package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/producers"
	"tajdeed/producers/simulate"
)

// unrest publishes a simulation through bad weather: steadily, with a burst now and
// then, and every message until it is acknowledged.
type unrest struct {
	simulation *simulate.Simulation
	publisher  *producers.Publisher
	topic      string
	truth      *truth
	rate       int // messages a second, without the bursts
	chunks     int
}

const (
	unrestTick = 100 * time.Millisecond
	// Every so many chunks one is so many times as large: it makes a backlog, and
	// with it full batches.
	burstEvery, burstTimes = 40, 25
)

// publish publishes until taking ends, and then what it has begun.
func (u *unrest) publish(taking, doing context.Context) error {
	ticker := time.NewTicker(unrestTick)
	defer ticker.Stop()
	for {
		select {
		case <-taking.Done():
			return nil
		case <-ticker.C:
		}
		if err := u.publishChunk(doing); err != nil {
			return err
		}
	}
}

func (u *unrest) publishChunk(ctx context.Context) error {
	n := max(u.rate*int(unrestTick)/int(time.Second), 1)
	if u.chunks++; u.chunks%burstEvery == 0 {
		n *= burstTimes
	}
	chunk := make([]kafka.Message, n)
	for i := range chunk {
		m, ok := u.simulation.Next()
		if !ok {
			return errors.New("the simulation has reached the end of its calendar")
		}
		chunk[i] = m.Kafka()
		u.truth.publishing(&chunk[i], m.Expect)
	}
	return u.acknowledged(ctx, chunk)
}

// acknowledged publishes what failed again, in order, until nothing fails.
func (u *unrest) acknowledged(ctx context.Context, messages []kafka.Message) error {
	for {
		err := u.publisher.Publish(ctx, u.topic, messages)
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
