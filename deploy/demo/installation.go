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
	"tajdeed/schema/postgres"
)

// system is everything that a demo runs in this process.
type system struct {
	at       local.Endpoints
	prefix   string
	topics   schema.Topics
	registry *prometheus.Registry

	postgres   *pgxpool.Pool // for questions
	stage      *pgxpool.Pool // for the stage renewals
	clickhouse driver.Conn
	pseudonym  *analytics.Pseudonym
	publisher  *producers.Publisher
	renewals   *consumers.Engine
	analytics  *consumers.Engine

	simulation *simulate.Simulation
	progress   progress
	published  atomic.Int64 // by this run
}

// clientID is the name under which brokers and databases see the process.
const clientID = "tajdeed-up"

// openSystem brings the stores up to date and puts the stages together.
func openSystem(ctx context.Context, c Config, at local.Endpoints) (*system, error) {
	s := &system{at: at, prefix: schema.DefaultPrefix, topics: schema.NamedTopics(schema.DefaultPrefix), registry: process.NewRegistry()}
	c.say("bringing the schemas up to date")
	stores := migrate.Config{
		Postgres:   postgres.Config{URL: at.Postgres, ApplicationName: clientID, MaxConns: process.SpareConns, StatementTimeout: verify.StatementTimeout},
		ClickHouse: clickhouse.Config{URL: at.ClickHouse, ApplicationName: clientID},
		Kafka:      kafka.Config{Brokers: at.Brokers, Topics: s.topics, Partitions: c.Partitions},
	}
	if _, err := migrate.Run(ctx, stores); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, stores); err != nil {
		s.close()
		return nil, err
	}
	if err := s.assemble(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// connect connects to the stores.
func (s *system) connect(ctx context.Context, stores migrate.Config) (err error) {
	if s.postgres, err = postgres.Open(ctx, stores.Postgres); err != nil {
		return err
	}
	stage := stores.Postgres
	stage.ByKey, stage.MaxConns, stage.StatementTimeout = true, renewals.DefaultConfig().Concurrency+process.SpareConns, process.StatementTimeout
	if s.stage, err = postgres.Open(ctx, stage); err != nil {
		return err
	}
	s.clickhouse, err = clickhouse.Open(ctx, stores.ClickHouse)
	return err
}

// assemble makes the publisher and the two stages.
func (s *system) assemble(ctx context.Context) (err error) {
	s.publisher, err = producers.NewPublisher(producers.Config{
		Brokers: s.at.Brokers, Topics: s.topics.Names(), ClientID: clientID,
	}, slog.Default(), s.registry)
	if err != nil {
		return err
	}
	s.renewals, err = renewals.NewEngine(s.engineConfig(renewals.DefaultConfig()), s.topics, s.stage, s.publisher, slog.Default(), s.registry)
	if err != nil {
		return err
	}
	key, err := pseudonymKey(filepath.Join(s.at.Data, "pseudonym.key"))
	if err != nil {
		return err
	}
	if s.pseudonym, err = analytics.NewPseudonym(key); err != nil {
		return err
	}
	partitions, err := kafka.Check(ctx, s.at.Brokers, s.topics)
	if err != nil {
		return err
	}
	s.analytics, err = analytics.NewEngine(s.engineConfig(analytics.DefaultConfig()), s.topics, partitions, s.clickhouse, s.publisher, s.pseudonym, slog.Default(), s.registry)
	return err
}

func (s *system) engineConfig(c consumers.Config) consumers.Config {
	c.Brokers, c.ClientID = s.at.Brokers, clientID
	return c
}

func (s *system) close() {
	if s.publisher != nil {
		_ = s.publisher.Close()
	}
	if s.clickhouse != nil {
		_ = s.clickhouse.Close()
	}
	for _, pool := range []*pgxpool.Pool{s.stage, s.postgres} {
		if pool != nil {
			pool.Close()
		}
	}
}

// pseudonymKey reads the data folder's key, or makes one.
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
