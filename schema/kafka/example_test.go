package kafka_test

import (
	"fmt"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// The headers of an application, written for kafka-go and read again.
func ExampleHeaders() {
	event := schema.Envelope{ID: "e-1", Type: schema.TypeApplicationSubmitted, Source: "/channels/counter"}
	message := client.Message{
		Topic:   schema.Topics{Prefix: schema.DefaultPrefix}.Submissions("counter"),
		Key:     []byte("291030104196"),
		Headers: kafka.Headers(event.Headers()),
	}
	again, err := schema.ReadEnvelope(kafka.FromHeaders(message.Headers))
	fmt.Println(message.Topic, again.Type, err)
	// Output: tajdeed.submissions.counter tajdeed.application.submitted.v1 <nil>
}
