package simulate

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

var ours = schema.Topics{Prefix: "ours"}

// publisherFunc is a [Publisher].
type publisherFunc func(ctx context.Context, messages []kafka.Message) error

func (f publisherFunc) Publish(ctx context.Context, messages []kafka.Message) error {
	for _, m := range messages {
		if _, ok := ours.SubmissionsChannel(m.Topic); !ok {
			return errors.New("another topic: " + m.Topic)
		}
	}
	return f(ctx, messages)
}

// collector is a [Publisher] that keeps what it is given, by calls.
type collector struct{ calls [][]kafka.Message }

func (c *collector) Publish(ctx context.Context, messages []kafka.Message) error {
	return publisherFunc(func(context.Context, []kafka.Message) error {
		c.calls = append(c.calls, messages)
		return nil
	}).Publish(ctx, messages)
}

func (c *collector) messages() []kafka.Message { return slices.Concat(c.calls...) }

func sameMessage(a, b kafka.Message) bool {
	return a.Topic == b.Topic && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value) &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b kafka.Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

// published returns what a feed publishes of the next n messages.
func published(t *testing.T, s *Simulation, n int) []kafka.Message {
	t.Helper()
	messages, err := s.NextMessages(ours, n)
	if err != nil {
		t.Fatal(err)
	}
	return messages
}

func TestFeedPublishesTheStreamInItsOrder(t *testing.T) {
	t.Parallel()
	config := Config{Seed: 20, Residents: 3_000}
	const total = 2*feedChunk + 7
	var sent collector
	reported := 0
	f := Feed{
		Simulation: newSimulation(t, config), Publisher: &sent, Topics: ours, Total: total,
		Published: func(n int) { reported += n },
	}
	if err := f.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := published(t, newSimulation(t, config), total); !slices.EqualFunc(sent.messages(), want, sameMessage) {
		t.Errorf("%d messages published, not the stream's first %d in order", len(sent.messages()), total)
	}
	if reported != total || len(sent.calls) != 3 {
		t.Errorf("%d reported as published in %d calls, want %d in 3", reported, len(sent.calls), total)
	}
}

func TestPublishedMessageIsAsTheContractReadsIt(t *testing.T) {
	t.Parallel()
	s := newSimulation(t, Config{Seed: 21, Residents: 1_000, Rejected: -1, Duplicates: -1, Conflicts: -1, Reused: -1, Unreadable: -1})
	m, _ := s.Next()
	sent := m.Kafka(ours)
	headers := make([]schema.Header, len(sent.Headers))
	for i, h := range sent.Headers {
		headers[i] = schema.Header(h)
	}
	a, err := schema.ReadApplication(sent.Key, sent.Value, headers)
	if err != nil || a.ID != m.Expect.ApplicationID {
		t.Errorf("application %s of the message %+v: %v", a.ID, m.Expect, err)
	}
}

func TestFeedKeepsItsRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent collector
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+feedTick/2)
		defer cancel()
		f := Feed{Simulation: newSimulation(t, Config{Seed: 22, Residents: 1_000}), Publisher: &sent, Topics: ours, Rate: 120}
		if err := f.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(sent.messages()); n != 1_200 {
			t.Errorf("%d messages in ten seconds at 120 a second", n)
		}
		for i, call := range sent.calls {
			if len(call) > 3 { // 2.4 are due in a tick
				t.Errorf("call %d has %d messages: they are not spread over the second", i, len(call))
			}
		}
	})
}

func TestFeedCatchesUpAfterItWasHeldUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration // when the calls ended
		begin, n := time.Now(), 0
		slow := publisherFunc(func(_ context.Context, messages []kafka.Message) error {
			if n += len(messages); len(at) == 0 {
				<-time.After(5 * time.Second)
			}
			at = append(at, time.Since(begin))
			return nil
		})
		f := Feed{Simulation: newSimulation(t, Config{Seed: 23, Residents: 1_000}), Publisher: slow, Topics: ours, Rate: 100, Total: 1_000}
		if err := f.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := at[len(at)-1]; n != 1_000 || last != 10*time.Second {
			t.Errorf("%d messages took %s, want 1,000 in 10 s", n, last)
		}
	})
}

// What was begun is published to its end, so that what is reported is what is on the topic.
func TestFeedEndsWithTheChunkThatItBegan(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sent, reported := 0, 0
	f := Feed{
		Simulation: newSimulation(t, Config{Seed: 24, Residents: 1_000}), Topics: ours,
		Publisher: publisherFunc(func(doing context.Context, messages []kafka.Message) error {
			cancel()
			sent += len(messages)
			return doing.Err()
		}),
		Published: func(n int) { reported += n },
	}
	if err := f.Run(ctx); err != nil {
		t.Fatalf("the end of ctx is no error: %v", err)
	}
	if sent != feedChunk || reported != sent {
		t.Errorf("%d messages published, %d reported", sent, reported)
	}
}

func TestFeedEndsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	gone := errors.New("the brokers are gone")
	s, calls := newSimulation(t, Config{Seed: 25, Residents: 1_000}), 0
	f := Feed{
		Simulation: s, Topics: ours,
		Publisher: publisherFunc(func(context.Context, []kafka.Message) error { calls++; return gone }),
		Published: func(n int) { t.Errorf("%d messages reported as published", n) },
	}
	if err := f.Run(t.Context()); !errors.Is(err, gone) || calls != 1 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	if _, ok := s.Next(); !ok { // nobody else uses it any more: the race detector would see
		t.Error("the simulation has ended")
	}
}

func TestFeedGivesAChunkUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := Feed{
			Simulation: newSimulation(t, Config{Seed: 26, Residents: 1_000}), Topics: ours,
			Publisher: publisherFunc(func(doing context.Context, _ []kafka.Message) error { <-doing.Done(); return doing.Err() }),
		}
		if err := f.Run(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != feedTimeout {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
	})
}

func TestFeedPublishesAllBeforeTheSimulationEnds(t *testing.T) {
	t.Parallel()
	config := Config{Seed: 27, Residents: 100}
	var sent collector
	f := Feed{Simulation: newSimulation(t, config), Publisher: &sent, Topics: ours}
	if err := f.Run(t.Context()); !errors.Is(err, ErrEnded) {
		t.Fatalf("want the end of the simulation: %v", err)
	}
	again, n := newSimulation(t, config), 0
	for _, ok := again.Next(); ok; _, ok = again.Next() {
		n++
	}
	if got := len(sent.messages()); got != n {
		t.Errorf("%d of %d messages published", got, n)
	}
	if err := newSimulation(t, config).Skip(t.Context(), int64(n)+1); !errors.Is(err, ErrEnded) {
		t.Errorf("skipping more than there is: %v", err)
	}
}

func TestSkipGoesOnBehindWhatWasPublished(t *testing.T) {
	t.Parallel()
	config := Config{Seed: 28, Residents: 1_000}
	s := newSimulation(t, config)
	if err := s.Skip(t.Context(), 250); err != nil {
		t.Fatal(err)
	}
	want := published(t, newSimulation(t, config), 260)[250:]
	if got := published(t, s, 10); !slices.EqualFunc(got, want, sameMessage) {
		t.Error("other messages follow")
	}
	if n := s.Manifest().Counts.Messages; n != 260 {
		t.Errorf("%d messages in the manifest", n)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Skip(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}
