package producers

import (
	"context"
	"errors"
	"sync"
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

// maxTopics is how many topics have a label of their own in the metrics, more than an
// installation has. Those after them share otherTopics, so that names which a caller takes
// from data cannot fill the monitoring.
const (
	maxTopics   = 1_000
	otherTopics = "other"
)

// metrics are the publisher's metrics, of all topics.
type metrics struct {
	mu   sync.RWMutex
	seen map[string]*topicMetrics // by topic

	messages *prometheus.CounterVec
	retries  *prometheus.CounterVec
	failures *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seen: map[string]*topicMetrics{},
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
			Help:                            "Time of a call until its last message was acknowledged or given up, retries included. A call for several topics counts for each.",
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

// topicMetrics are a topic's name and its metrics, looked up once.
type topicMetrics struct {
	name     string
	messages prometheus.Counter
	retries  prometheus.Counter
	failures map[string]prometheus.Counter
	duration prometheus.Observer
}

// topic returns a topic's metrics; nil where the topic is new.
func (m *metrics) topic(name string) *topicMetrics {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.seen[name]
}

// add returns a topic's metrics, and calls first before anybody else sees them where the
// topic is new.
func (m *metrics) add(name string, first func()) *topicMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.seen[name]; t != nil {
		return t
	}
	first()
	label := name
	if len(m.seen) >= maxTopics {
		label = otherTopics
	}
	t := &topicMetrics{
		name:     name,
		messages: m.messages.WithLabelValues(label),
		retries:  m.retries.WithLabelValues(label),
		failures: make(map[string]prometheus.Counter),
		duration: m.duration.WithLabelValues(label),
	}
	for _, reason := range []string{reasonTooLarge, reasonRefused, reasonContext, reasonExhausted, reasonNotSent} {
		t.failures[reason] = m.failures.WithLabelValues(label, reason)
	}
	m.seen[name] = t
	return t
}

// count counts what became of a call's messages, and returns what failed of n as an
// error, nil where nothing did.
func count(ctx context.Context, n int, all []sent) error {
	for _, s := range all {
		s.topic.messages.Add(float64(s.result.acked))
	}
	failed := newPublishError(n, all)
	if failed == nil {
		return nil
	}
	for _, s := range all {
		if s.result.err == nil {
			continue
		}
		for _, f := range s.failures() {
			s.topic.failures[reason(ctx, f.Err)].Inc()
		}
	}
	return failed
}
