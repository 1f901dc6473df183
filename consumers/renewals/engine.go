package renewals

import (
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/schema"
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

// NewEngine returns the engine of the stage: it reads the topic of submissions, applies to
// db, which must have been opened with [tajdeed/schema/postgres.Config.ByKey], and announces
// by the publisher. The topic of the configuration is set here. Nothing is contacted
// before [consumers.Engine.Run]. An error is one of the configuration or of the policies
// built into the program, by which nothing can be decided then.
func NewEngine(config consumers.Config, topics schema.Topics, db *pgxpool.Pool, publisher consumers.Publisher, log *slog.Logger, registry prometheus.Registerer) (*consumers.Engine, error) {
	if err := policy.Check(); err != nil {
		return nil, err
	}
	config.Topic = topics.Submissions
	stage := New(config.Topic, config.Now, registry)
	ledger := consumers.NewLedger(config.Topic, topics, stage, db, publisher)
	return consumers.New(Name, config, ledger, log, registry)
}
