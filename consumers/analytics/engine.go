package analytics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema/kafka"
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

// NewEngine returns the engine of the stage: it reads the decisions topics of all channels.
// The topics of the configuration are set here, to those that the finder finds, and the
// stage's clock to the configuration's. Nothing is contacted before [consumers.Engine.Run].
func NewEngine(config consumers.Config, stage Config, find *kafka.Finder, log *slog.Logger, registry prometheus.Registerer) (*consumers.Engine, error) {
	stage.Now = config.Now
	consumers.RegisterSimulation(stage.Simulation, registry)
	s := New(stage, registry)
	config.Topics = func(ctx context.Context) (map[string]int, error) {
		at := s.Now() // before the question: what is created after it is not in the answer
		topics, err := find.Topics(ctx, s.Topics.Decisions)
		if err == nil {
			s.watermarks.setKnown(topics, at)
		}
		return topics, err
	}
	return consumers.New(Name, config, s, log, registry)
}
