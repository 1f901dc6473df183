package renewals

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema/kafka"
	"tajdeed/schema/policy"
)

// DefaultConfig suits transactions. In one of 3,000 applications Postgres finds the
// residents with fewer descents of its index, since sorted keys share pages, and makes the
// 1,000 slots of a COPY once: it takes 20.6 µs an application instead of 25.6 with 1,000,
// and 4,500 or 6,000 gain nothing more (`tajdeed-local bench --only renewals`, with this value
// changed). Three at once keep two cores busy, since one may be in Postgres while another
// announces. The age is well below the 50 ms in which an applicant is to be answered: at 1,000 a second 99 of
// 100 are answered in 48 ms with an age of 10 ms, in 59 with 15, and in 76 with 5, which
// keeps the cores busy with small transactions.
//
// The brokers and the client ID are the caller's to fill in.
func DefaultConfig() consumers.Config {
	return consumers.Config{
		Group: Group, BatchMessages: 3000, BatchAge: 10 * time.Millisecond,
		Concurrency: 3, QuarantineLimit: 0.5, SessionTimeout: 10 * time.Second,
	}
}

// NewEngine returns the engine of the stage: it reads the topics of submissions of all
// channels, applies to db, which must have been opened with
// [tajdeed/schema/postgres.Config.ByKey], and announces by the publisher. The topics of the
// configuration are set here, to those that the finder finds. Nothing is contacted before
// [consumers.Engine.Run]. An error is one of the configuration or of the policies built into
// the program, by which nothing can be decided then.
func NewEngine(config consumers.Config, stage Config, find *kafka.Finder, db *pgxpool.Pool, publisher consumers.Publisher, log *slog.Logger, registry prometheus.Registerer) (*consumers.Engine, error) {
	if _, err := policy.Embedded(); err != nil && stage.Policies == nil {
		return nil, err
	}
	stage.Now = config.Now
	consumers.RegisterSimulation(stage.Simulation, registry)
	config.Topics = func(ctx context.Context) (map[string]int, error) {
		return find.Topics(ctx, stage.Topics.Submissions)
	}
	ledger := consumers.NewLedger(consumers.LedgerConfig{
		Topics: stage.Topics, Source: source, Simulation: stage.Simulation,
	}, New(stage, registry), db, publisher)
	return consumers.New(Name, config, ledger, log, registry)
}
