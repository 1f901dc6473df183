package analytics

import (
	"log/slog"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// DefaultConfig suits ClickHouse, which wants few large blocks: a block costs it about
// 10 ms of CPU whatever it holds, and as much again to merge (BenchmarkInsert). The age is
// what analysts may wait, under a second with the rest of the way; where some 5,000
// decisions come in a second it may be three of them. The bytes are those of about 7,000
// decisions: a partition that is behind is one block then.
//
// The brokers and the client ID are the caller's to fill in.
func DefaultConfig() consumers.Config {
	return consumers.Config{
		Group: Group, BatchMessages: 8_000, BatchBytes: 5 << 20, BatchAge: 500 * time.Millisecond,
		Concurrency: 3, SessionTimeout: 10 * time.Second,
	}
}

// NewEngine puts the stage together: it reads the topic of decisions, which has so many
// partitions, inserts into db, and publishes what it cannot read on the quarantine topic.
// The topic of the configuration is set here. Nothing is contacted before
// [consumers.Engine.Run].
func NewEngine(config consumers.Config, topics schema.Topics, partitions int, db driver.Conn, publisher consumers.Publisher, p *Pseudonym, log *slog.Logger, registry prometheus.Registerer) (*consumers.Engine, error) {
	config.Topic = topics.Decisions
	sink := New(topics, partitions, db, publisher, p, config.Now, registry)
	return consumers.New(Name, config, sink, log, registry)
}
