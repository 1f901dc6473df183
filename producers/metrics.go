package producers

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why messages were given up, as tajdeed_publisher_failures_total names it.
const (
	reasonTooLarge  = "too_large"
	reasonRefused   = "refused"
	reasonContext   = "context_ended"
	reasonExhausted = "attempts_exhausted"
	reasonNotSent   = "not_sent"
)

// metrics are the publisher's metrics, of all topics.
type metrics struct {
	messages *prometheus.CounterVec
	retries  *prometheus.CounterVec
	failures *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tajdeed_publisher_messages_total",
			Help: "Messages that all in-sync replicas acknowledged.",
		}, []string{"topic"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tajdeed_publisher_retries_total",
			Help: "Requests that failed and were made again; a few are ordinary when a leader moves or a broker restarts. A repeated batch may lie in the log twice.",
		}, []string{"topic"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tajdeed_publisher_failures_total",
			Help: "Messages given up, by reason: too_large and refused by the broker, context_ended by the caller, attempts_exhausted, and not_sent because a message before them in their partition failed.",
		}, []string{"topic", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "tajdeed_publisher_publish_duration_seconds",
			Help:                            "Time of a call until its last message was acknowledged or given up, retries included.",
			Buckets:                         prometheus.ExponentialBuckets(0.001, 2.5, 11), // 1 ms to 9.5 s
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"topic"}),
	}
	return m, m.register(registerer)
}

func (m *metrics) register(registerer prometheus.Registerer) error {
	if registerer == nil {
		return nil
	}
	var err error
	for _, c := range []prometheus.Collector{m.messages, m.retries, m.failures, m.duration} {
		err = errors.Join(err, registerer.Register(c))
	}
	return err
}

// topicMetrics are one topic's metrics, looked up once.
type topicMetrics struct {
	messages prometheus.Counter
	retries  prometheus.Counter
	failures map[string]prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) topics(names []string) map[string]*topicMetrics {
	topics := make(map[string]*topicMetrics, len(names))
	for _, name := range names {
		t := &topicMetrics{
			messages: m.messages.WithLabelValues(name),
			retries:  m.retries.WithLabelValues(name),
			failures: make(map[string]prometheus.Counter),
			duration: m.duration.WithLabelValues(name),
		}
		for _, reason := range []string{reasonTooLarge, reasonRefused, reasonContext, reasonExhausted, reasonNotSent} {
			t.failures[reason] = m.failures.WithLabelValues(name, reason)
		}
		topics[name] = t
	}
	return topics
}

func (t *topicMetrics) observe(start time.Time) { t.duration.Observe(time.Since(start).Seconds()) }

// count counts a call of n messages and returns failed as an error, nil where it is nil.
func (t *topicMetrics) count(ctx context.Context, failed *PublishError, n int) error {
	if failed == nil {
		t.messages.Add(float64(n))
		return nil
	}
	t.messages.Add(float64(n - len(failed.Failures)))
	for _, f := range failed.Failures {
		t.failures[reason(ctx, f.Err)].Inc()
	}
	return failed
}
