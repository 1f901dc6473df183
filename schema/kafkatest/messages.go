package kafkatest

import (
	"testing"

	"tajdeed/schema/kafka"
)

// Messages counts the messages that stand on a topic.
func (ts Topics) Messages(t testing.TB, topic string) (n int64) {
	t.Helper()
	ends, err := kafka.Ends(t.Context(), ts.Brokers, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range ends {
		n += end.Next - end.First
	}
	return n
}
