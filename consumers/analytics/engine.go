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
// 10 ms of CPU whatever it holds, and as much again to merge (BenchmarkInsert). With the age
// a decision can be queried within a second; where some 5,000 come in a second, it may wait
// three ages. The bytes are those of about 7,000 decisions, so a partition with a backlog
// is one block.
//
// The brokers and the client ID are the caller's to fill in.
func DefaultConfig() consumers.Config {
	return consumers.Config{
		Group: Group, BatchMessages: 8_000, BatchBytes: 5 << 20, BatchAge: 500 * time.Millisecond,
		Concurrency: 3, QuarantineLimit: 0.5, SessionTimeout: 10 * time.Second,
	}
}

// NewEngine returns the engine of the stage: it reads the topic of decisions, which has so
// many partitions, inserts into db, and publishes what it cannot read on the quarantine topic.
// The topic of the configuration is set here. Nothing is contacted before
// [consumers.Engine.Run].
func NewEngine(config consumers.Config, topics schema.Topics, partitions int, db driver.Conn, publisher consumers.Publisher, p *Pseudonym, log *slog.Logger, registry prometheus.Registerer) (*consumers.Engine, error) {
	config.Topic = topics.Decisions
	stage := New(topics, partitions, db, publisher, p, config.Now, registry)
	return consumers.New(Name, config, stage, log, registry)
}
