package local

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Broker says which program answers the Kafka protocol.
type Broker string

const (
	// BrokerAuto keeps the broker that the data folder has; in a new folder it
	// takes Apache Kafka where that can be had, else kfake.
	BrokerAuto Broker = "auto"
	// BrokerKafka is Apache Kafka: it needs Java 17 or newer, and Maven once.
	BrokerKafka Broker = "kafka"
	// BrokerKfake speaks the protocol without Java. It is no evidence about a
	// real broker's durability or latency.
	BrokerKfake Broker = "kfake"
)

// Config says where the servers live and how they are reached. The zero value works.
type Config struct {
	Data  string // data folder; "" is tajdeed in the user's data directory, for root /var/lib/tajdeed
	Cache string // package cache; "" is tajdeed in the user's cache directory, for root /var/cache/tajdeed
	Fresh bool   // begin empty: remove what an earlier start made in Data; the ports are kept

	Broker Broker // "" is BrokerAuto

	// 0 is the port of the last start on this data if it is free, else a free one.
	PostgresPort, ClickHousePort, ClickHouseHTTPPort, KafkaPort int

	// KafkaProxy, if set, is the address (host:port) of a proxy of the caller's, and has
	// Apache Kafka listen on one more port, for that proxy. A client that connects there
	// is told the proxy's address for the broker, so that its next connection also goes
	// through the proxy. The other port stays as it is.
	KafkaProxy string

	Logger   *slog.Logger      // nil discards
	Progress func(step string) // for a person who waits; called by one goroutine at a time; may be nil
}

// Validate returns an error about the first thing that can never work. It looks at
// nothing outside the Config.
func (c Config) Validate() error {
	switch c.Broker {
	case "", BrokerAuto, BrokerKafka, BrokerKfake:
	default:
		return fmt.Errorf("there is no broker %q: choose %s, %s or %s", c.Broker, BrokerAuto, BrokerKafka, BrokerKfake)
	}
	for _, dir := range []string{c.Data, c.Cache} {
		if strings.ContainsAny(dir, ",:&<>\\\n") {
			return fmt.Errorf("the folder %q has a character in it that the servers' configuration cannot carry: give one without , : & < > and \\", dir)
		}
	}
	return c.validatePorts()
}

func (c Config) validatePorts() error {
	holder := map[int]string{}
	for _, p := range c.asked() {
		if p.port < 0 || p.port > 65535 {
			return fmt.Errorf("%d is no port for %s: give 1 to 65535, or 0 for a free one", p.port, p.name)
		}
		if other := holder[p.port]; p.port != 0 && other != "" {
			return fmt.Errorf("%s and %s cannot both have port %d", other, p.name, p.port)
		}
		holder[p.port] = p.name
	}
	return nil
}

func (c Config) withDefaults() (Config, error) {
	var err error
	if c.Data, err = folderOr(c.Data, dataHome); err != nil {
		return c, fmt.Errorf("find a data folder: %w", err)
	}
	if c.Cache, err = folderOr(c.Cache, cacheHome); err != nil {
		return c, fmt.Errorf("find a package cache: %w", err)
	}
	if c.Broker == "" {
		c.Broker = BrokerAuto
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Progress = oneAtATime(c.Progress)
	return c, nil
}

func folderOr(given string, fallback func() (string, error)) (string, error) {
	if given == "" {
		return fallback()
	}
	return filepath.Abs(given)
}

// dataHome is not in root's home: Postgres refuses to run as root, and the
// unprivileged user it runs as cannot read there.
func dataHome() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/tajdeed", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tajdeed"), nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share", "tajdeed"), err
}

func cacheHome() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/tajdeed", nil
	}
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "tajdeed"), err
}

// oneAtATime calls progress from one goroutine at a time: three servers start at once.
func oneAtATime(progress func(string)) func(string) {
	if progress == nil {
		return func(string) {}
	}
	var mu sync.Mutex
	return func(step string) {
		mu.Lock()
		defer mu.Unlock()
		progress(step)
	}
}
