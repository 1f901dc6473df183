package consumers

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"tajdeed/schema"
)

// metrics are a stage's, by the stage's name: tajdeed_renewals_messages_total.
type metrics struct {
	messages    prometheus.Counter
	batches     prometheus.Counter
	batchSize   prometheus.Histogram
	apply       prometheus.Histogram
	retries     *prometheus.CounterVec
	quarantined *prometheus.CounterVec
	stopped     prometheus.Gauge
	fenced      prometheus.Counter
	rebalances  prometheus.Counter
	partitions  prometheus.Gauge
	lag         *prometheus.GaugeVec
	age         prometheus.Histogram
}

// Namespace is the prefix of every metric of the program.
const Namespace = "tajdeed"

// LatencyBuckets span from a lone message's way through the pipeline to a backlog
// of minutes, in seconds.
var LatencyBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newMetrics(stage string, registry prometheus.Registerer) *metrics {
	auto := promauto.With(registry)
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: Namespace, Subsystem: stage, Name: name, Help: help}
	}
	m := &metrics{
		messages: auto.NewCounter(prometheus.CounterOpts(name("messages_total",
			"Messages whose effects are durable. Compare its rate with that of the topic's end."))),
		batches: auto.NewCounter(prometheus.CounterOpts(name("batches_total",
			"Batches applied. Messages divided by batches is the mean batch: from half of the limit on it means a backlog."))),
		retries: auto.NewCounterVec(prometheus.CounterOpts(name("retries_total",
			"Attempts that failed and were made again, by act and by kind of error: transient ones pass, systemic ones are a store or broker that is away, stopped ones wait for an operator.")),
			[]string{"act", "kind"}),
		quarantined: auto.NewCounterVec(prometheus.CounterOpts(name("quarantined_total",
			"Messages that could not be read as the contract says, by the rule that they break.")), []string{"rule"}),
		stopped: auto.NewGauge(prometheus.GaugeOpts(name("stopped_partitions",
			"Partitions that wait for an operator: a gap in the log, or a flood of messages that cannot be read. Page on anything above 0."))),
		fenced: auto.NewCounter(prometheus.CounterOpts(name("fenced_total",
			"Times that a partition's position had been moved by another worker. A few at a rebalance are normal."))),
		rebalances: auto.NewCounter(prometheus.CounterOpts(name("rebalances_total",
			"Assignments received from the consumer group."))),
		partitions: auto.NewGauge(prometheus.GaugeOpts(name("assigned_partitions",
			"Partitions that are assigned to this process."))),
		lag: auto.NewGaugeVec(prometheus.GaugeOpts(name("lag_messages",
			"Messages between the position and the end of a partition, when it was last fetched.")), []string{"topic", "partition"}),
		batchSize: auto.NewHistogram(prometheus.HistogramOpts{
			Namespace: Namespace, Subsystem: stage, Name: "batch_messages",
			Help:    "Messages of a batch, which may be of several partitions.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 8),
		}),
		apply: auto.NewHistogram(latency(stage, "apply_duration_seconds",
			"Time from when a batch is ready until its effects are durable and announced, its wait for a turn and retries included.")),
		age: auto.NewHistogram(latency(stage, "message_age_seconds",
			"Age of a batch's oldest message when its effects are durable: how long a submitter waits. Alert on this one.")),
	}
	for _, act := range []string{actOpen, actFetch, actApply} {
		for _, kind := range []Kind{Transient, Systemic, Stopped} {
			m.retries.WithLabelValues(act, kind.String())
		}
	}
	for _, rule := range schema.Rules() {
		m.quarantined.WithLabelValues(rule.String())
	}
	return m
}

// latency are the options of a histogram of seconds, with classic buckets for
// text scrapes and native ones for those that can.
func latency(stage, name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Namespace: Namespace, Subsystem: stage, Name: name, Help: help,
		Buckets:                        LatencyBuckets,
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 100,
	}
}

func (m *metrics) assigned(partitions []schema.TopicPartition) {
	m.rebalances.Inc()
	m.partitions.Set(float64(len(partitions)))
}

// revoked forgets the partitions' gauges: the lag of a partition that is assigned to
// another process would stand still here.
func (m *metrics) revoked(partitions []schema.TopicPartition) {
	m.partitions.Set(0)
	for _, p := range partitions {
		m.lag.DeleteLabelValues(p.Topic, strconv.Itoa(p.Partition))
	}
}

func (m *metrics) setLag(b *Batch) {
	m.lag.WithLabelValues(b.Topic, strconv.Itoa(b.Partition)).Set(float64(b.HighWatermark - b.To))
}

// applied counts batches that were applied together.
func (m *metrics) applied(took time.Duration, batches ...*Batch) {
	n, oldest := 0, time.Time{}
	for _, b := range batches {
		n += len(b.Messages) + b.refused
		m.setLag(b)
		if len(b.Messages) > 0 && (oldest.IsZero() || b.Messages[0].Time.Before(oldest)) {
			oldest = b.Messages[0].Time
		}
		for _, q := range b.quarantined {
			m.quarantined.WithLabelValues(q.reason.Rule.String()).Inc()
		}
	}
	m.messages.Add(float64(n))
	m.batches.Inc()
	m.batchSize.Observe(float64(n))
	m.apply.Observe(took.Seconds())
	if !oldest.IsZero() {
		m.age.Observe(time.Since(oldest).Seconds())
	}
}
