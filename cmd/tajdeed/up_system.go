package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v3"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/text"
	"tajdeed/deploy/local"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// system is everything that `up` runs in this process.
type system struct {
	at       local.Endpoints
	topics   schema.Topics
	registry *prometheus.Registry

	record    *pgxpool.Pool
	stage     *pgxpool.Pool // the record, for the stage
	analysts  driver.Conn
	publisher *producers.Publisher
	renewals  *consumers.Engine
	analytics *consumers.Engine

	simulation *simulate.Simulation
	memory     memory
	published  atomic.Int64 // by this run
}

// openSystem brings the stores up to date and puts the stages together.
func openSystem(ctx context.Context, c *cli.Command, at local.Endpoints, say func(string)) (*system, error) {
	s := &system{at: at, topics: schema.NamedTopics(schema.DefaultPrefix), registry: newRegistry()}
	say("bringing the schemas up to date")
	record := postgres.Config{URL: at.Postgres, ApplicationName: clientID(c), MaxConns: spareConns}
	analysts := clickhouse.Config{URL: at.ClickHouse, ApplicationName: clientID(c)}
	created := kafka.Config{Brokers: at.Brokers, Topics: s.topics, Partitions: c.Int("partitions")}
	if err := migrate(ctx, record, analysts, created, io.Discard); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, record, analysts); err != nil {
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
func (s *system) connect(ctx context.Context, record postgres.Config, analysts clickhouse.Config) (err error) {
	if s.record, err = postgres.Open(ctx, record); err != nil {
		return err
	}
	record.ByKey, record.MaxConns = true, renewals.DefaultConfig().Concurrency+spareConns
	if s.stage, err = postgres.Open(ctx, record); err != nil {
		return err
	}
	s.analysts, err = clickhouse.Open(ctx, analysts)
	return err
}

// assemble makes the publisher and the two stages.
func (s *system) assemble(ctx context.Context) (err error) {
	s.publisher, err = producers.NewPublisher(producers.Config{
		Brokers: s.at.Brokers, Topics: s.topics.Names(), ClientID: "tajdeed-up",
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
	pseudonym, err := analytics.NewPseudonym(key)
	if err != nil {
		return err
	}
	partitions, err := kafka.Check(ctx, s.at.Brokers, s.topics)
	if err != nil {
		return err
	}
	s.analytics, err = analytics.NewEngine(s.engineConfig(analytics.DefaultConfig()), s.topics, partitions, s.analysts, s.publisher, pseudonym, slog.Default(), s.registry)
	return err
}

func (s *system) engineConfig(c consumers.Config) consumers.Config {
	c.Brokers, c.ClientID = s.at.Brokers, "tajdeed-up"
	return c
}

func (s *system) close() {
	if s.publisher != nil {
		_ = s.publisher.Close()
	}
	if s.analysts != nil {
		_ = s.analysts.Close()
	}
	for _, pool := range []*pgxpool.Pool{s.stage, s.record} {
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

// memory is what the data folder knows of its population: another start goes on
// with the same one, where it stopped.
type memory struct {
	Seed      uint64 `json:"seed"`
	Residents int    `json:"residents"`
	Published int64  `json:"published"`
}

func (s *system) memoryFile() string { return filepath.Join(s.at.Data, "simulation.json") }

// remember writes down how far the simulation has come.
func (s *system) remember() error {
	m := s.memory
	m.Published += s.published.Load()
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("remember the simulation: %w", err)
	}
	if err := os.WriteFile(s.memoryFile(), text, 0o600); err != nil {
		return fmt.Errorf("remember the simulation: %w", err)
	}
	return nil
}

// recall reads what an earlier start left, if the record holds its population.
func (s *system) recall(ctx context.Context) (m memory, found bool, err error) {
	var imported bool
	if err := s.record.QueryRow(ctx, `SELECT EXISTS (SELECT FROM register_import)`).Scan(&imported); err != nil {
		return m, false, fmt.Errorf("look for a population: %w", err)
	}
	text, err := os.ReadFile(s.memoryFile())
	switch {
	case !imported || errors.Is(err, os.ErrNotExist):
		return m, false, nil
	case err != nil:
		return m, false, fmt.Errorf("recall the simulation: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, false, fmt.Errorf("recall the simulation: %s: %w", s.memoryFile(), err)
	}
	return m, true, nil
}

// populate makes the population, imports it where it is new, and goes on in its
// stream where an earlier start stopped.
func (s *system) populate(ctx context.Context, c *cli.Command, say func(string)) error {
	m, found, err := s.recall(ctx)
	if err != nil {
		return err
	}
	wanted := memory{Seed: c.Uint64("seed"), Residents: residents(c)}
	if found {
		if err := m.same(c); err != nil {
			return err
		}
		wanted = m
	}
	s.memory = wanted
	say(fmt.Sprintf("making a population of %s residents, seed %d", text.Thousands(int64(wanted.Residents)), wanted.Seed))
	s.simulation, err = simulate.New(simulate.Config{Seed: wanted.Seed, Residents: wanted.Residents})
	if err != nil {
		return err
	}
	if !found {
		return s.importPopulation(ctx, c, say)
	}
	return pass(ctx, s.simulation, m.Published)
}

// residents is the size of a new population.
func residents(c *cli.Command) int {
	if n := c.Int("residents"); n > 0 {
		return n
	}
	if c.Bool("once") {
		return max(defaultResidents, c.Int("applications"))
	}
	return defaultResidents
}

// The population of `up` and `simulate` where none is asked for.
const (
	defaultSeed      = 1
	defaultResidents = 50_000
)

// same refuses to go on with another population than the one that is there.
func (m memory) same(c *cli.Command) error {
	if c.IsSet("seed") && c.Uint64("seed") != m.Seed || c.IsSet("residents") && c.Int("residents") != m.Residents {
		return fmt.Errorf("the data folder holds the population of --seed %d --residents %d: go on with that one, "+
			"begin anew with --fresh, or choose another folder with --data", m.Seed, m.Residents)
	}
	return nil
}

// importPopulation writes the population as an extract and imports that, as a
// ministry would at go-live.
func (s *system) importPopulation(ctx context.Context, c *cli.Command, say func(string)) error {
	dir := filepath.Join(s.at.Data, "extract")
	if err := s.simulation.WriteExtract(dir); err != nil {
		return err
	}
	say("importing it from the extract in " + dir)
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	if err := importExtract(ctx, s.record, e, !c.Bool("json")); err != nil {
		return err
	}
	return s.remember()
}
