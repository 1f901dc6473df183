package renewals_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// publisher stands for the program's publisher, which announces decisions.
type publisher struct{}

func (publisher) PublishPlaced(context.Context, []kafka.Message) error { return nil }

// The stage as a program puts it together. It contacts nothing before Run, so until then it
// is not ready.
func ExampleNewEngine() {
	config := renewals.DefaultConfig()
	config.Brokers = []string{"localhost:9092"}
	topics := schema.Topics{Prefix: schema.DefaultPrefix}

	// A program opens it by postgres.Open, with ByKey, which checks the schema's version.
	db, err := pgxpool.New(context.Background(), "postgres://localhost/tajdeed")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	engine, err := renewals.NewEngine(config, renewals.Config{Topics: topics},
		kafkaschema.NewFinder(config.Brokers, topics, slog.Default()), db, publisher{}, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(engine.Ready())
	// What is left is to let engine.Run consume until its context ends.

	// Output: not in the consumer group tajdeed.renewals: it does not run
}
