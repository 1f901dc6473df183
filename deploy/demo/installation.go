package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/deploy/process"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/migrate"
	"tajdeed/schema/policy"
	"tajdeed/schema/postgres"
)

// installation is what a demo runs in this process, and its connections to the servers.
type installation struct {
	at       local.Endpoints
	topics   schema.Topics
	registry *prometheus.Registry
	policies *policy.Set

	postgres   *pgxpool.Pool // for queries
	stagePool  *pgxpool.Pool // for the stage renewals
	clickhouse driver.Conn
	pseudonym  *analytics.Pseudonym
	publisher  *producers.Publisher
	renewals   *consumers.Engine
	analytics  *consumers.Engine

	simulation *simulate.Simulation
	progress   progress
	published  atomic.Int64 // by this run
	counted    *countingPublisher
}

// clientID is the name under which the servers see this process.
const clientID = "tajdeed-up"

// openInstallation brings the schemas up to date, connects, and makes the stages.
func openInstallation(ctx context.Context, c Config, at local.Endpoints) (*installation, error) {
	i := &installation{at: at, topics: schema.Topics{Prefix: schema.DefaultPrefix}, policies: c.Policies, registry: process.NewRegistry()}
	c.say("bringing the schemas up to date")
	stores := migrate.Config{
		Postgres:   postgres.Config{URL: at.Postgres, ApplicationName: clientID, MaxConns: process.SpareConns, StatementTimeout: verify.StatementTimeout},
		ClickHouse: clickhouse.Config{URL: at.ClickHouse, ApplicationName: clientID},
		Kafka:      kafka.Config{Brokers: at.Brokers, Topics: i.topics, Channels: schema.DefaultChannels(), Partitions: c.Partitions},
		Simulated:  true,
	}
	if err := migrate.Run(ctx, stores, nil); err != nil {
		return nil, err
	}
	if err := i.connect(ctx, stores); err != nil {
		i.close()
		return nil, err
	}
	if err := i.assemble(); err != nil {
		i.close()
		return nil, err
	}
	return i, nil
}

// connect connects to Postgres and ClickHouse.
func (i *installation) connect(ctx context.Context, stores migrate.Config) (err error) {
	if i.postgres, err = postgres.Open(ctx, stores.Postgres); err != nil {
		return err
	}
	if i.stagePool, err = postgres.Open(ctx, process.RenewalsPostgres(i.engineConfig(renewals.DefaultConfig()), i.at.Postgres)); err != nil {
		return err
	}
	i.clickhouse, err = clickhouse.Open(ctx, stores.ClickHouse)
	return err
}

// assemble makes the publisher and the two stages.
func (i *installation) assemble() (err error) {
	i.publisher, err = producers.NewPublisher(producers.Config{
		Brokers: i.at.Brokers, ClientID: clientID,
	}, slog.Default(), i.registry)
	if err != nil {
		return err
	}
	i.counted = &countingPublisher{i.publisher, i.topics, map[schema.Channel]int64{}}
	i.renewals, err = renewals.NewEngine(i.engineConfig(renewals.DefaultConfig()), renewals.Config{Topics: i.topics, Policies: i.policies, Simulation: true},
		i.finder(), i.stagePool, i.publisher, slog.Default(), i.registry)
	if err != nil {
		return err
	}
	key, err := pseudonymKey(filepath.Join(i.at.Data, "pseudonym.key"))
	if err != nil {
		return err
	}
	if i.pseudonym, err = analytics.NewPseudonym(key); err != nil {
		return err
	}
	i.analytics, err = analytics.NewEngine(i.engineConfig(analytics.DefaultConfig()), analytics.Config{
		Topics: i.topics, DB: i.clickhouse, Publisher: i.publisher, Pseudonym: i.pseudonym, Simulation: true,
	}, i.finder(), slog.Default(), i.registry)
	return err
}

func (i *installation) finder() *kafka.Finder {
	return kafka.NewFinder(i.at.Brokers, i.topics, slog.Default())
}

func (i *installation) engineConfig(c consumers.Config) consumers.Config {
	c.Brokers, c.ClientID = i.at.Brokers, clientID
	return c
}

func (i *installation) close() {
	if i.publisher != nil {
		_ = i.publisher.Close()
	}
	if i.clickhouse != nil {
		_ = i.clickhouse.Close()
	}
	for _, pool := range []*pgxpool.Pool{i.stagePool, i.postgres} {
		if pool != nil {
			pool.Close()
		}
	}
}

// pseudonymKey reads the data folder's key, or makes one where there is none.
func pseudonymKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if !errors.Is(err, os.ErrNotExist) {
		return key, err
	}
	key = []byte(rand.Text() + rand.Text())
	if err := os.WriteFile(path, key, 0o600); err != nil {
		return nil, fmt.Errorf("keep the pseudonym key: %w", err)
	}
	return key, nil
}
