package producers_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"tajdeed/producers"
)

const topic = "tajdeed.submissions.counter"

// A caller that publishes again what failed, in order, keeps the order of each key.
func ExamplePublisher() {
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, topic)) // in place of real brokers
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cluster.Close()

	publisher, err := producers.NewPublisher(producers.Config{Brokers: cluster.ListenAddrs()}, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = publisher.Close() }()

	messages := []kafka.Message{{Topic: topic, Key: []byte("291030104196"), Value: []byte(`{"application_id":"…"}`)}}
	err = publisher.Publish(context.Background(), messages)
	var failed *producers.PublishError
	switch {
	case err == nil:
		fmt.Println("every message is stored")
	case errors.Is(err, producers.ErrRefused):
		fmt.Println("a message that no retry will store:", err)
	case errors.As(err, &failed):
		for _, f := range failed.Failures {
			fmt.Printf("message %d, for %s, may be published again: %v\n", f.Index, f.TopicPartition, f.Err)
		}
	}
	// Output: every message is stored
}
