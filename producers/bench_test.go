package producers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema/kafkatest"
)

// BenchmarkPublish sends messages of 700 bytes to 12 partitions in calls of
// several sizes; TAJDEED_BROKERS names a real broker.
func BenchmarkPublish(b *testing.B) {
	for _, size := range []int{1, 100, 1_000, 10_000} {
		for _, parallel := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d_a_call/parallel=%t", size, parallel), func(b *testing.B) {
				benchmarkPublish(b, size, parallel)
			})
		}
	}
}

func benchmarkPublish(b *testing.B, size int, parallel bool) {
	topics := kafkatest.NewTopics(b, 12, "bench")
	p := newPublisher(b, Config{Brokers: topics.Brokers})
	msgs := benchMessages(size)
	publish := func() {
		if err := p.Publish(b.Context(), to(topics.Names[0], msgs)); err != nil {
			b.Error(err)
		}
	}
	publish()
	b.ReportAllocs()
	b.SetParallelism(8)
	b.ResetTimer()
	if parallel {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				publish()
			}
		})
	} else {
		for range b.N {
			publish()
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(testutil.ToFloat64(p.topic(topics.Names[0]).retries), "retries")
}

// BenchmarkPublishSpread sends 12 messages of 700 bytes a call, one to each of 12
// partitions: what a consumer of many partitions announces at a moderate rate.
func BenchmarkPublishSpread(b *testing.B) {
	const partitions = 12
	topics := kafkatest.NewTopics(b, partitions, "spread")
	p := newPublisher(b, Config{Brokers: topics.Brokers})
	msgs := benchMessages(partitions)
	for i := range msgs {
		msgs[i].Key = keyOf(i, partitions)
	}
	took := make([]time.Duration, 0, b.N)
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := p.Publish(b.Context(), to(topics.Names[0], msgs)); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "median-ns/op")
}

// BenchmarkPublishTopics sends 72 or 7,200 messages of 700 bytes a call to as many
// partitions: to those of one topic, and to 12 of each of 6.
func BenchmarkPublishTopics(b *testing.B) {
	for _, size := range []int{72, 7_200} {
		for _, topics := range []int{1, 6} {
			b.Run(fmt.Sprintf("%d_a_call/topics=%d", size, topics), func(b *testing.B) {
				benchmarkTopics(b, size, topics)
			})
		}
	}
}

func benchmarkTopics(b *testing.B, size, n int) {
	const all = 72
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("topic-%d", i)
	}
	topics := kafkatest.NewTopics(b, all/n, names...)
	p := newPublisher(b, Config{Brokers: topics.Brokers})
	msgs := benchMessages(size)
	for i := range msgs {
		msgs[i].Topic = topics.Names[i%n]
		msgs[i].Partition = i / n % (all / n)
		msgs[i].Key = keyOf(msgs[i].Partition, all/n)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Publish(b.Context(), msgs); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "msg/s")
}

func benchMessages(n int) []kafka.Message {
	msgs := messages(n, n)
	for i := range msgs {
		msgs[i].Value = []byte(strings.Repeat(string(msgs[i].Value), 80)[:640])
	}
	return msgs
}
