package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Config steers the engine. The zero value of a field means its default.
type Config struct {
	Brokers []string
	// Group is the consumer group; every worker of a stage names the same.
	Group string
	// Topics says which topics the stage reads, and how many partitions each has. It is asked
	// at the start and every TopicsEvery. Where the set has changed, the engine leaves the
	// group and joins it with the new one, as at a rebalance. While there is none, it waits;
	// if it cannot be found out, what was found last stands.
	Topics func(context.Context) (map[string]int, error)
	// TopicsEvery is how long a new topic may go unread. Default 5 s.
	TopicsEvery time.Duration
	// ClientID is what the brokers' logs show of the process.
	ClientID string

	// BatchMessages is how many messages are applied together at most. Without a backlog,
	// BatchAge ends a batch long before that. Default 1,000.
	BatchMessages int
	// BatchBytes is about how many bytes are fetched at once at most. Default 1 MiB.
	BatchBytes int
	// BatchAge is how long a message waits at most for others to be fetched with it,
	// while there is no backlog. One that comes after a pause does not wait. Where a third
	// of BatchMessages comes within it, it is three times as long. Default 5 ms.
	BatchAge time.Duration
	// Concurrency is how many batches of partitions that are behind the process applies at
	// once, of different partitions, and how many of the others. One turn is always left to
	// either, so together they are one more at most: a stage's pool needs that many connections.
	// It is the back-pressure, and what memory is proportional to: for each broker there are
	// twice one more than that many batches, fetched, prepared or applied. Default 4.
	Concurrency int

	// QuarantineLimit is the share of a partition's last 1,000 messages, about, beyond which
	// it stops instead of quarantining more. Default 0.5; 1 never stops.
	QuarantineLimit float64

	// SessionTimeout is how long a worker may be silent before its partitions go to
	// another. Default 10 s; the broker's lower limit is 6 s unless it was changed.
	SessionTimeout time.Duration
	// DrainTimeout is how long a batch in flight may take to end when the partition
	// is taken away or the process stops. Default 5 s, and always less than
	// SessionTimeout.
	DrainTimeout time.Duration

	// Now is the wall clock by which handlers are told when a partition had nothing left,
	// see [Partition.Idle], and by which stages note when they decided or inserted. What the
	// engine measures goes by the monotonic clock instead. Several goroutines call it.
	// Default [time.Now].
	Now func() time.Time
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	setDefault(&c.TopicsEvery, 5*time.Second)
	setDefault(&c.BatchMessages, 1000)
	setDefault(&c.BatchBytes, 1<<20)
	setDefault(&c.BatchAge, 5*time.Millisecond)
	setDefault(&c.Concurrency, 4)
	setDefault(&c.QuarantineLimit, 0.5)
	setDefault(&c.SessionTimeout, 10*time.Second)
	setDefault(&c.DrainTimeout, 5*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate says what is wrong with the configuration. It contacts nothing.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case len(c.Brokers) == 0:
		return errors.New("consumers: no brokers")
	case c.Group == "":
		return errors.New("consumers: no consumer group")
	case c.Topics == nil:
		return errors.New("consumers: nothing says which topics to read")
	case c.TopicsEvery < 0:
		return fmt.Errorf("consumers: topics are asked for every %s: a time above zero is possible", c.TopicsEvery)
	case c.BatchMessages < 1 || c.BatchMessages > 50_000:
		return fmt.Errorf("consumers: a batch of %d messages: 1 to 50,000 is possible", c.BatchMessages)
	case c.BatchBytes < leastBytes || c.BatchBytes > 64<<20:
		return fmt.Errorf("consumers: a batch of %d bytes: 64 KiB to 64 MiB is possible", c.BatchBytes)
	case c.BatchAge < 0 || c.BatchAge > time.Minute:
		return fmt.Errorf("consumers: a batch age of %s: up to a minute is possible", c.BatchAge)
	case c.Concurrency < 1:
		return fmt.Errorf("consumers: a concurrency of %d: 1 or more is possible", c.Concurrency)
	case c.QuarantineLimit < 0 || c.QuarantineLimit > 1:
		return fmt.Errorf("consumers: a quarantine limit of %g: a share from 0 to 1 is possible", c.QuarantineLimit)
	case c.DrainTimeout >= c.SessionTimeout:
		return fmt.Errorf("consumers: the drain timeout %s must be less than the session timeout %s: "+
			"a worker that drains no longer tells the broker that it lives", c.DrainTimeout, c.SessionTimeout)
	}
	return nil
}
