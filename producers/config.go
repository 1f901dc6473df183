package producers

import (
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Config steers a [Publisher]. The zero value of a field means its default.
type Config struct {
	Brokers []string
	// ClientID names the process in the brokers' logs.
	ClientID string
	// Compression of the batches. Default none: it takes three times the processor
	// time, and pays where the network is the bottleneck.
	Compression kafka.Compression

	// MaxBatchBytes is the most bytes of messages in one request, whether for one
	// partition or several; a larger message is sent alone. A broker as shipped takes
	// 1 MiB for a partition (message.max.bytes). Default 1,000,000.
	MaxBatchBytes int
	// MaxInFlight is how many requests are under way at once, each on its own
	// connection; the others wait. Default 12: more gains nothing (BenchmarkPublish).
	MaxInFlight int
	// MaxAttempts is how often one batch is sent before its messages are given up.
	// Default 30: with the waits between them that is about half a minute, longer than
	// a broker takes to restart.
	MaxAttempts int
	// AttemptTimeout is how long one attempt may take. Default 10 s.
	AttemptTimeout time.Duration
	// MinBackOff and MaxBackOff bound the wait between two attempts. It grows by half
	// each time, and each wait varies at random by up to half. Default 20 ms and 1.5 s.
	MinBackOff, MaxBackOff time.Duration
	// MetadataTTL is how old the known leaders and partitions may get while nothing
	// fails; after a failure they are asked for at once. It also bounds how long a
	// broker may take to answer that. Default 1 s.
	MetadataTTL time.Duration

	// Now is the clock that stamps messages which have no Time of their own, read
	// once for each attempt to send them. Default: the machine's clock, which the
	// client library reads.
	Now func() time.Time
}

// Validate returns what is wrong with the configuration; nil where nothing is.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case len(c.Brokers) == 0:
		return errors.New("no brokers to publish to")
	case c.MaxBatchBytes < 0, c.MaxInFlight < 0, c.MaxAttempts < 0, c.AttemptTimeout < 0, c.MetadataTTL < 0:
		return errors.New("a limit of the publisher is negative")
	case c.MinBackOff < 0, c.MaxBackOff < c.MinBackOff:
		return fmt.Errorf("back-off from %s to %s is no range", c.MinBackOff, c.MaxBackOff)
	}
	return nil
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	setDefault(&c.ClientID, "tajdeed")
	setDefault(&c.MaxBatchBytes, 1_000_000)
	setDefault(&c.MaxInFlight, 12)
	setDefault(&c.MaxAttempts, 30)
	setDefault(&c.AttemptTimeout, 10*time.Second)
	setDefault(&c.MinBackOff, 20*time.Millisecond)
	setDefault(&c.MaxBackOff, 1500*time.Millisecond)
	setDefault(&c.MetadataTTL, time.Second)
	return c
}

// dialTimeout bounds how long a connection may take to open.
func (c Config) dialTimeout() time.Duration { return min(c.AttemptTimeout, 5*time.Second) }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
