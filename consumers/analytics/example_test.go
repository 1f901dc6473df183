package analytics_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers/analytics"
	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// publisher stands for the program's publisher, which publishes to the quarantine topic.
type publisher struct{}

func (publisher) PublishPlaced(context.Context, []kafka.Message) error { return nil }

// Under one key a person has one pseudonym, in every row of every year. Who has the key can
// say whom a row is about.
func ExampleNewPseudonym() {
	pseudonym, err := analytics.NewPseudonym([]byte("sixteen bytes ok"))
	if err != nil {
		fmt.Println(err)
		return
	}
	person, sponsor := pseudonym.Pairs()(schema.CivilID(291030104196), schema.SponsorID(204118336))
	fmt.Printf("person %x, sponsor %x\n", person, sponsor)

	_, err = analytics.NewPseudonym([]byte("short"))
	fmt.Println(err)
	// Output:
	// person 7fde7db2fc283d07, sponsor ce010a19c21fefab
	// the pseudonym key is too short: 5 bytes, at least 16 are needed
}

// The stage as a program puts it together. It contacts nothing before Run, so until then it
// is not ready.
func ExampleNewEngine() {
	config := analytics.DefaultConfig()
	config.Brokers = []string{"localhost:9092"}

	pseudonym, err := analytics.NewPseudonym([]byte("a key that analysts don't have"))
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := clickhouse.Open(&clickhouse.Options{Addr: []string{"localhost:9000"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	stage := analytics.Config{Topics: schema.Topics{Prefix: schema.DefaultPrefix}, DB: db, Publisher: publisher{}, Pseudonym: pseudonym}
	find := kafkaschema.NewFinder(config.Brokers, stage.Topics, slog.Default())
	engine, err := analytics.NewEngine(config, stage, find, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(engine.Ready())
	// What is left is to let engine.Run consume until its context ends.

	// Output: not in the consumer group tajdeed.analytics: it does not run
}
