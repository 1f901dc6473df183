package migrate_test

import (
	"context"
	"fmt"
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
	if partitions, err := kafka.Check(t.Context(), c.Kafka.Brokers, c.Kafka.Topics); err != nil || partitions != 2 {
		t.Errorf("topics of %d partitions: %v", partitions, err)
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
		Kafka:      kafka.Config{Brokers: kafkatest.Brokers(t), Topics: schema.NamedTopics("test-" + uuid.NewString()[:13]), Partitions: 2},
	}
	t.Cleanup(func() { kafkatest.Topics{Brokers: c.Kafka.Brokers, Names: c.Kafka.Topics.Names()}.Delete(t) })
	return c
}

func ExampleRun() { //nolint:testableexamples // it needs servers
	ctx := context.Background()
	err := migrate.Run(ctx, migrate.Config{
		Postgres:   postgres.Config{URL: "postgres://127.0.0.1/tajdeed"},
		ClickHouse: clickhouse.Config{URL: "clickhouse://127.0.0.1:9000/tajdeed"},
		Kafka:      kafka.Config{Brokers: []string{"127.0.0.1:9092"}, Topics: schema.NamedTopics(schema.DefaultPrefix)},
	}, func(done migrate.Done) { fmt.Println(done.Store, done.Names) })
	if err != nil {
		fmt.Println(err)
	}
}
