package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/google/uuid"

	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/migrate"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// Empty stores are brought up to date, once; a second run finds nothing to do.
func TestRunTwice(t *testing.T) {
	t.Parallel()
	c := empty(t)
	done, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(stores(done)); got != "[Postgres ClickHouse Kafka]" {
		t.Errorf("stores %s", got)
	}
	for _, store := range done {
		if len(store.Names) == 0 {
			t.Errorf("nothing was done to an empty %s", store.Store)
		}
	}
	found, err := kafka.Check(t.Context(), c.Kafka.Brokers, c.Kafka.Topics)
	if err != nil || found.Partitions != 2 || len(found.Usable) != len(schema.DefaultChannels()) {
		t.Errorf("%+v, %v", found, err)
	}
	for store, simulation := range simulations(t, c) {
		if simulation {
			t.Errorf("%s is a simulation, and nobody asked for one", store)
		}
	}
	again, err := run(t, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, store := range again {
		if len(store.Names) != 0 {
			t.Errorf("a second run did %v to %s", store.Names, store.Store)
		}
	}
}

// What was done before a store fails is told beside the error.
func TestRunStopsAtTheFirstStoreThatFails(t *testing.T) {
	t.Parallel()
	c := empty(t)
	c.Kafka.Brokers = []string{"127.0.0.1:1"}
	done, err := run(t, c)
	if got := fmt.Sprint(stores(done)); err == nil || got != "[Postgres ClickHouse]" {
		t.Errorf("done: %s, error: %v", got, err)
	}
}

// An installation becomes a simulation in both stores while it is empty, and later runs leave
// it one; where a run was cut off between the stores, the next one goes on.
func TestSimulated(t *testing.T) {
	t.Parallel()
	c := empty(t)
	c.Simulated = true
	if _, err := run(t, c); err != nil {
		t.Fatal(err)
	}
	c.Simulated = false
	url, err := url.Parse(c.ClickHouse.URL)
	if err != nil {
		t.Fatal(err)
	}
	cut := c
	cut.ClickHouse.URL = clickhousetest.Empty(t)
	for _, c := range []migrate.Config{c, cut} {
		if _, err := run(t, c); err != nil {
			t.Fatal(err)
		}
		for store, simulation := range simulations(t, c) {
			if !simulation {
				t.Errorf("%s of %s is no simulation", store, url.Path)
			}
		}
	}
}

// One that holds anything cannot become a simulation.
func TestSimulatedTooLate(t *testing.T) {
	t.Parallel()
	c := empty(t)
	if _, err := run(t, c); err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Connect(t.Context(), c.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(t.Context(), `INSERT INTO sponsor VALUES (123456789, 'company')`); err != nil {
		t.Fatal(err)
	}
	c.Simulated = true
	if _, err := run(t, c); !errors.Is(err, postgres.ErrNotEmpty) {
		t.Errorf("it became a simulation: %v", err)
	}
}

// simulations says of each store what it says.
func simulations(t *testing.T, c migrate.Config) map[string]bool {
	t.Helper()
	db, err := postgres.Open(t.Context(), c.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := clickhouse.Open(t.Context(), c.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	inPostgres, err := postgres.IsSimulation(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	inClickHouse, err := clickhouse.IsSimulation(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]bool{"Postgres": inPostgres, "ClickHouse": inClickHouse}
}

// run returns what was done.
func run(t *testing.T, c migrate.Config) (done []migrate.Done, err error) {
	t.Helper()
	err = migrate.Run(t.Context(), c, func(d migrate.Done) { done = append(done, d) })
	return done, err
}

func stores(done []migrate.Done) (names []string) {
	for _, d := range done {
		names = append(names, d.Store)
	}
	return names
}

// empty returns stores of the test's own that hold nothing.
func empty(t *testing.T) migrate.Config {
	t.Helper()
	c := migrate.Config{
		Postgres:   postgres.Config{URL: postgrestest.Empty(t).Config().ConnString()},
		ClickHouse: clickhouse.Config{URL: clickhousetest.Empty(t)},
		Kafka:      kafka.Config{Brokers: kafkatest.Brokers(t), Topics: schema.Topics{Prefix: "test-" + uuid.NewString()[:13]}, Partitions: 2},
	}
	t.Cleanup(func() {
		kafkatest.Topics{Brokers: c.Kafka.Brokers, Names: c.Kafka.Topics.Of(schema.DefaultChannels()...)}.Delete(t)
	})
	return c
}

func ExampleRun() { //nolint:testableexamples // it needs servers
	ctx := context.Background()
	err := migrate.Run(ctx, migrate.Config{
		Postgres:   postgres.Config{URL: "postgres://127.0.0.1/tajdeed"},
		ClickHouse: clickhouse.Config{URL: "clickhouse://127.0.0.1:9000/tajdeed"},
		Kafka:      kafka.Config{Brokers: []string{"127.0.0.1:9092"}, Topics: schema.Topics{Prefix: schema.DefaultPrefix}},
	}, func(done migrate.Done) { fmt.Println(done.Store, done.Names) })
	if err != nil {
		fmt.Println(err)
	}
}
