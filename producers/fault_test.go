package producers

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The brokers of these tests fail when they are told to, which real ones do not.

const faulty = "faulty"

func newFake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.SeedTopics(1, faulty)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func faultyConfig(brokers ...string) Config {
	return Config{
		Brokers:        brokers,
		AttemptTimeout: 2 * time.Second, MaxBackOff: 100 * time.Millisecond,
		MetadataTTL: 30 * time.Second, // so that no fault passes by waiting
	}
}

func highWatermark(cluster *kfake.Cluster) int64 {
	return cluster.PartitionInfo(faulty, 0).HighWatermark
}

// This is the limit that the package documents: a reader must recognise a message that
// it has seen.
func TestLostAnswerStoresTwice(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut})
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	if err := p.Publish(t.Context(), to(faulty, messages(50, 5))); err != nil {
		t.Fatal(err)
	}
	if got := highWatermark(cluster); got != 100 {
		t.Errorf("%d messages in the log, want each of 50 twice", got)
	}
	if got := testutil.ToFloat64(p.topic(faulty).retries); got != 1 {
		t.Errorf("%v retries counted", got)
	}
}

func TestPassingRefusalsAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, refusal := range []*kerr.Error{
		kerr.NotLeaderForPartition, kerr.LeaderNotAvailable, kerr.NotEnoughReplicas,
		kerr.UnknownTopicOrPartition, kerr.KafkaStorageError, kerr.UnknownServerError,
	} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			cluster := newFake(t)
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: refusal, Count: 3})
			p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
			if err := p.PublishPlaced(t.Context(), to(faulty, messages(10, 2))); err != nil {
				t.Fatal(err)
			}
			if got := highWatermark(cluster); got != 10 || fault.Hits() != 3 {
				t.Errorf("%d messages in the log after %d refusals", got, fault.Hits())
			}
		})
	}
}

func TestFinalRefusalIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	err := p.Publish(t.Context(), to(faulty, messages(10, 2)))
	if !errors.Is(err, ErrRefused) || !errors.Is(err, kafka.TopicAuthorizationFailed) || fault.Hits() != 1 {
		t.Errorf("after %d requests: %v", fault.Hits(), err)
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	config := faultyConfig(cluster.ListenAddrs()...)
	config.MaxAttempts = 4
	p := newPublisher(t, config)
	err := p.Publish(t.Context(), to(faulty, messages(10, 2)))
	var failed *PublishError
	if !errors.As(err, &failed) || len(failed.Failures) != 10 || errors.Is(err, ErrRefused) || fault.Hits() != 4 {
		t.Errorf("after %d requests: %v", fault.Hits(), err)
	}
	if got := testutil.ToFloat64(p.topic(faulty).failures[reasonExhausted]); got != 10 {
		t.Errorf("%v messages counted as attempts_exhausted", got)
	}
}

func TestEndOfContextEndsTheAttempts(t *testing.T) {
	t.Parallel()
	cluster := newFake(t)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: -1})
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	ctx, cancel := context.WithCancelCause(t.Context())
	stopping := errors.New("stopping")
	go func() {
		_ = fault.Wait(ctx, 2)
		cancel(stopping)
	}()
	err := p.Publish(ctx, to(faulty, messages(1, 1)))
	if !errors.Is(err, stopping) || !errors.Is(err, kafka.NotEnoughReplicas) {
		t.Errorf("want the cause and the last failure: %v", err)
	}
	if got := testutil.ToFloat64(p.topic(faulty).failures[reasonContext]); got != 1 {
		t.Errorf("%v messages counted as context_ended", got)
	}
}

func TestMovedLeaderIsFoundWithoutWaiting(t *testing.T) {
	t.Parallel()
	cluster := newFake(t, kfake.NumBrokers(3))
	p := newPublisher(t, faultyConfig(cluster.ListenAddrs()...))
	for move := range 9 {
		if err := cluster.MoveTopicPartition(faulty, 0, int32(move%3)); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := p.Publish(t.Context(), to(faulty, messages(10, 2))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("move %d: %s until the new leader took the messages", move, took)
		}
	}
	if got := highWatermark(cluster); got != 90 {
		t.Errorf("%d messages in the log, want 90", got)
	}
}

// The broker is away at first, and then starts, stops and starts again on its port.
func TestBrokerGoneThenBack(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	dir := t.TempDir()
	start := func() *kfake.Cluster {
		return newFake(t, kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SyncWrites())
	}
	config := faultyConfig(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	config.MaxAttempts = 1_000
	p := newPublisher(t, config)
	retries := p.topic(faulty).retries

	for round := range 3 {
		done := make(chan error, 1)
		before := testutil.ToFloat64(retries)
		go func() { done <- p.Publish(t.Context(), to(faulty, messages(20, 4))) }()
		await(t, func() bool { return testutil.ToFloat64(retries) >= before+2 })
		if p.Ready() == nil {
			t.Errorf("round %d: ready while no broker is there", round)
		}
		cluster := start()
		if err := <-done; err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := p.Ready(); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		if got, want := highWatermark(cluster), int64(20*(round+1)); got != want {
			t.Fatalf("round %d: %d messages in the log, want %d", round, got, want)
		}
		cluster.Close()
	}
}
