package fetch_test

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
)

// A run is read on from where it ends, so what holds no message is passed over too.
func ExampleFetcher_Fetch() { //nolint:testableexamples // it needs a broker
	fetcher := &fetch.Fetcher{
		Transport: &kafka.Transport{}, ClientID: "example",
		Broker: kafka.TCP("127.0.0.1:9092"), MaxBytes: 1 << 20,
	}
	at := schema.TopicPartition{Topic: "tajdeed.submissions.counter", Partition: 3}
	run := &fetch.Run{TopicPartition: at, From: 1200, To: 1200}
	faults, err := fetcher.Fetch(context.Background(), []*fetch.Run{run}, 500*time.Millisecond)
	if err != nil || faults[0] != nil {
		fmt.Println(err, faults[0])
		return
	}
	for i := range run.Messages {
		fmt.Println(run.Messages[i].Offset, len(run.Messages[i].Value))
	}
	fmt.Println("goes on at", run.To)
}
