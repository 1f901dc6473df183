// Package migrate brings all three stores of an installation up to date: the schemas of
// Postgres and ClickHouse, and the topics in Kafka. What is up to date is left alone.
//
// The command `tajdeed migrate`, the demo and chaos call it.
package migrate

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// Config says where the stores are. The role in Postgres owns the tables.
type Config struct {
	Postgres   postgres.Config
	ClickHouse clickhouse.Config
	Kafka      kafka.Config
	// Simulated makes the installation a simulation, which only an empty one can become:
	// [postgres.ErrNotEmpty], [clickhouse.ErrNotEmpty]. One that is a simulation stays one.
	Simulated bool
}

// Done is what was done to one store: migrations that were applied, or topics that were
// created, by their names; nothing where it was up to date.
type Done struct {
	Store string // for people: Postgres, ClickHouse or Kafka
	Names []string
}

// Run brings one store after the other up to date, and tells report, unless it is nil, what
// was done to each as soon as it is. It stops at the first store that fails.
func Run(ctx context.Context, c Config, report func(Done)) error {
	db, err := postgres.Connect(ctx, c.Postgres)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, store := range []struct {
		name    string
		migrate func() ([]string, error)
	}{
		{"Postgres", func() ([]string, error) { return c.migratePostgres(ctx, db) }},
		{"ClickHouse", func() ([]string, error) { return c.migrateClickHouse(ctx, db) }},
		{"Kafka", func() ([]string, error) { return kafka.Create(ctx, c.Kafka) }},
	} {
		names, err := store.migrate()
		if err != nil {
			return err
		}
		if report != nil {
			report(Done{store.name, names})
		}
	}
	return nil
}

func (c Config) migratePostgres(ctx context.Context, db *pgxpool.Pool) ([]string, error) {
	names, err := postgres.Migrate(ctx, db)
	if err == nil && c.Simulated {
		err = postgres.Simulate(ctx, db)
	}
	return names, err
}

// migrateClickHouse also has ClickHouse say what the record says of the installation: the
// record's answer is the one that counts, and an earlier run may have been cut off between
// the two.
func (c Config) migrateClickHouse(ctx context.Context, db *pgxpool.Pool) (names []string, err error) {
	if names, err = clickhouse.Migrate(ctx, c.ClickHouse); err != nil {
		return names, err
	}
	simulated, err := postgres.IsSimulation(ctx, db)
	if err != nil || !simulated {
		return names, err
	}
	conn, err := clickhouse.Connect(ctx, c.ClickHouse)
	if err != nil {
		return names, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return names, clickhouse.Simulate(ctx, conn)
}
