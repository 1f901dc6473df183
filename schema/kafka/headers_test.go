package kafka_test

import (
	"reflect"
	"testing"

	client "github.com/segmentio/kafka-go"

	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

func TestHeadersAreConvertedBothWays(t *testing.T) {
	t.Parallel()
	ours := []schema.Header{{Key: "ce_id", Value: []byte("e-1")}, {Key: "empty"}, {Key: "ce_id", Value: []byte{0xff}}}
	theirs := []client.Header{{Key: "ce_id", Value: []byte("e-1")}, {Key: "empty"}, {Key: "ce_id", Value: []byte{0xff}}}
	if got := kafka.Headers(ours); !reflect.DeepEqual(got, theirs) {
		t.Errorf("to kafka-go: %v, want %v", got, theirs)
	}
	if got := kafka.FromHeaders(theirs); !reflect.DeepEqual(got, ours) {
		t.Errorf("from kafka-go: %v, want %v", got, ours)
	}
	if len(kafka.Headers(nil)) != 0 || len(kafka.FromHeaders(nil)) != 0 {
		t.Error("headers out of none")
	}
}
