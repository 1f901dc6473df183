package verify_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"tajdeed/dashboards/verify"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/postgres"
)

// A verification of an installation that may be at work. It waits up to a minute until what
// lies on the topics now is through.
func Example() { //nolint:testableexamples // it reads servers
	ctx := context.Background()
	record, err := postgres.Open(ctx, postgres.Config{URL: "postgres://localhost/tajdeed", StatementTimeout: verify.StatementTimeout})
	if err != nil {
		log.Fatal(err)
	}
	defer record.Close()
	rows, err := clickhouse.Open(ctx, clickhouse.Config{URL: "clickhouse://localhost:9000/tajdeed"})
	if err != nil {
		log.Print(err)
		return
	}
	defer func() { _ = rows.Close() }()

	books, err := verify.Run(ctx, verify.Config{
		Brokers: []string{"localhost:9092"}, Topics: schema.Topics{Prefix: schema.DefaultPrefix},
		Postgres: record, ClickHouse: rows, Wait: time.Minute,
	})
	if err != nil { // the stores could not be compared
		log.Print(err)
		return
	}
	fmt.Print(books.Text())
	if !books.Balanced { // something is lost, doubled or different
		for _, channel := range books.Channels {
			for _, partition := range channel.Partitions {
				fmt.Println(channel.Channel, partition.Partition, partition.Gaps)
			}
		}
	}
}
