// Package installationtest gives a test an installation of its own on the servers of the
// test run: a database in Postgres and one in ClickHouse, topics, a simulated population,
// and both stages, which run in the test's process.
package installationtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// PseudonymKey is the key under which the stage analytics runs in tests.
const PseudonymKey = "a key for tests only"

// partitions is how many each topic has.
const partitions = 4

// Channels are those of an installation in tests. The simulation's people use all of them.
func Channels() []schema.Channel { return schema.DefaultChannels() }

// Installation is a database in Postgres, one in ClickHouse, and topics, of one test's own.
type Installation struct {
	*testing.T

	PostgresURL, ClickHouseURL string
	Brokers                    []string
	Topics                     schema.Topics
	Postgres                   *pgxpool.Pool
	ClickHouse                 driver.Conn
	Publisher                  *producers.Publisher
}

// New returns an installation on the servers of the test run.
func New(t *testing.T) *Installation {
	t.Helper()
	return Open(t, postgrestest.URL(t), clickhousetest.URL(t), kafkatest.Brokers(t))
}

// Open returns an installation in databases that have this program's schema. It connects to
// them and creates the topics.
func Open(t *testing.T, postgresURL, clickhouseURL string, brokers []string) *Installation {
	t.Helper()
	i := &Installation{T: t, PostgresURL: postgresURL, ClickHouseURL: clickhouseURL, Brokers: brokers, Topics: schema.Topics{Prefix: "test-" + uuid.NewString()[:8]}}
	topics := kafka.Config{Brokers: brokers, Topics: i.Topics, Channels: Channels(), Partitions: partitions}
	if _, err := kafka.Create(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.deleteTopics)
	i.connectPostgres()
	if err := postgres.Simulate(t.Context(), i.Postgres); err != nil {
		t.Fatal(err)
	}
	var err error
	if i.ClickHouse, err = clickhouse.Open(t.Context(), clickhouse.Config{URL: clickhouseURL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.ClickHouse.Close() })
	if err := clickhouse.Simulate(t.Context(), i.ClickHouse); err != nil {
		t.Fatal(err)
	}
	if i.Publisher, err = producers.NewPublisher(producers.Config{Brokers: brokers}, nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Publisher.Close() })
	return i
}

// OnTopicsOf returns an installation that reads the topics of another one into a Postgres
// database of its own. It shares the other's ClickHouse database.
func OnTopicsOf(t *testing.T, other *Installation, postgresURL string) *Installation {
	t.Helper()
	i := *other
	i.T, i.PostgresURL = t, postgresURL
	i.connectPostgres()
	return &i
}

func (i *Installation) connectPostgres() {
	i.Helper()
	var err error
	if i.Postgres, err = postgres.Open(i.Context(), postgres.Config{URL: i.PostgresURL, ApplicationName: "test"}); err != nil {
		i.Fatal(err)
	}
	i.Cleanup(i.Postgres.Close)
}

func (i *Installation) deleteTopics() {
	conn := &client.Client{Addr: client.TCP(i.Brokers...), Timeout: 10 * time.Second}
	_, _ = conn.DeleteTopics(context.Background(), &client.DeleteTopicsRequest{Topics: i.Topics.Of(Channels()...)})
}

// Populate makes a population and imports its register.
func (i *Installation) Populate(residents int) *simulate.Simulation {
	i.Helper()
	simulation, err := simulate.New(simulate.Config{Seed: 7, Residents: residents, Record: true})
	if err != nil {
		i.Fatal(err)
	}
	dir := i.TempDir()
	if err := simulation.WriteExtract(dir); err != nil {
		i.Fatal(err)
	}
	i.Import(dir)
	return simulation
}

// Import imports the register from the extract in a folder.
func (i *Installation) Import(dir string) {
	i.Helper()
	if err := postgres.ImportFolder(i.Context(), i.Postgres, dir, nil); err != nil {
		i.Fatal(err)
	}
}

// Publish publishes the simulation's next n messages.
func (i *Installation) Publish(simulation *simulate.Simulation, n int) {
	i.Helper()
	messages, err := simulation.NextMessages(i.Topics, n)
	if err != nil {
		i.Fatal(err)
	}
	if err := i.Publisher.Publish(i.Context(), messages); err != nil {
		i.Fatal(err)
	}
}

// Consumed waits until at least n messages were decided or quarantined.
func (i *Installation) Consumed(n int) {
	i.Helper()
	Eventually(i.T, func() error {
		var consumed int
		err := i.Postgres.QueryRow(i.Context(), `SELECT coalesce(sum(next_offset), 0)::bigint FROM position`).Scan(&consumed)
		if err == nil && consumed < n {
			err = fmt.Errorf("%d of %d consumed", consumed, n)
		}
		return err
	})
}

var errRows = errors.New("rows are missing")

// Drained waits until that many published messages are decided and announced, and every
// decision can be queried in ClickHouse.
func (i *Installation) Drained(published int) {
	i.Helper()
	Eventually(i.T, func() error {
		var next, announced, decisions uint64
		err := i.Postgres.QueryRow(i.Context(), `SELECT coalesce(sum(next_offset), 0)::bigint, coalesce(sum(published_offset), 0)::bigint,
			(SELECT count(*) FROM decision) + (SELECT count(*) FROM quarantined) FROM position`).Scan(&next, &announced, &decisions)
		if err != nil {
			return err
		}
		var rows uint64
		if err := i.ClickHouse.QueryRow(i.Context(), `SELECT (SELECT count() FROM decision) + (SELECT count() FROM unreadable)`).Scan(&rows); err != nil {
			return err
		}
		if next < uint64(published) || announced < uint64(published) || rows < decisions {
			return fmt.Errorf("%w: %d of %d consumed, %d announced, %d of %d rows", errRows, next, published, announced, rows, decisions)
		}
		return nil
	})
}

// Eventually waits until a condition returns nil, for two minutes at most. Then it fails the
// test with the last error.
func Eventually(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after two minutes: %v", err)
		}
		<-ticker.C
	}
}

// Stage is a stage that runs in the test's process.
type Stage struct {
	t      *testing.T
	engine *consumers.Engine
	stop   context.CancelFunc
	ended  chan error
}

// Renewals starts the stage renewals, with its default configuration after the changes.
func (i *Installation) Renewals(change ...func(*consumers.Config)) *Stage {
	i.Helper()
	db, err := postgres.Open(i.Context(), postgres.Config{URL: i.PostgresURL, ApplicationName: "test", ByKey: true})
	if err != nil {
		i.Fatal(err)
	}
	i.Cleanup(db.Close)
	config := i.config(renewals.DefaultConfig(), change)
	engine, err := renewals.NewEngine(config, renewals.Config{Topics: i.Topics, Simulation: true}, i.finder(), db, i.Publisher, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return i.run(engine, err)
}

// Analytics starts the stage analytics, with batches of 50 ms.
func (i *Installation) Analytics(change ...func(*consumers.Config)) *Stage {
	i.Helper()
	pseudonym, err := analytics.NewPseudonym([]byte(PseudonymKey))
	if err != nil {
		i.Fatal(err)
	}
	config := analytics.DefaultConfig()
	config.BatchAge = 50 * time.Millisecond
	config = i.config(config, change)
	engine, err := analytics.NewEngine(config, analytics.Config{
		Topics: i.Topics, DB: i.ClickHouse, Publisher: i.Publisher, Pseudonym: pseudonym, Simulation: true,
	}, i.finder(), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return i.run(engine, err)
}

func (i *Installation) finder() *kafka.Finder {
	return kafka.NewFinder(i.Brokers, i.Topics, slog.New(slog.DiscardHandler))
}

func (i *Installation) config(c consumers.Config, change []func(*consumers.Config)) consumers.Config {
	c.Brokers, c.Group, c.ClientID, c.SessionTimeout = i.Brokers, i.Group(c.Group), "test", 6*time.Second
	for _, f := range change {
		f(&c)
	}
	return c
}

// Group is the name of a stage's consumer group in this installation.
func (i *Installation) Group(stage string) string { return i.Topics.Prefix + "." + stage }

// run runs a stage until it is stopped or the test ends.
func (i *Installation) run(engine *consumers.Engine, err error) *Stage {
	i.Helper()
	if err != nil {
		i.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(i.Context()))
	s := &Stage{t: i.T, engine: engine, stop: stop, ended: make(chan error, 1)}
	go func() { s.ended <- engine.Run(ctx) }()
	i.Cleanup(s.Stop)
	return s
}

// Ready waits until the stage has joined its group and polls its partitions.
func (s *Stage) Ready() *Stage {
	s.t.Helper()
	Eventually(s.t, s.engine.Ready)
	return s
}

// Stop waits until the batches in flight and then the stage have ended. It may be called
// again.
func (s *Stage) Stop() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Errorf("a stage ended: %v", err)
	}
	s.ended <- nil
}
