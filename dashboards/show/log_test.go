package show

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"tajdeed/producers"
	"tajdeed/schema"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/postgres/postgrestest"
)

// A message that nobody has decided yet is found on its channel's topic, behind those that
// wait before it; one before the record's position was decided, and is not.
func TestMessagesOnTheirWay(t *testing.T) {
	t.Parallel()
	topics, created := kafkatest.NewInstallation(t, 2, "counter", "kiosk")
	db := postgrestest.New(t)
	publisher, err := producers.NewPublisher(producers.Config{Brokers: created.Brokers}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = publisher.Close() }()
	passed, waiting := uuid.New(), uuid.New()
	message := func(topic string, id uuid.UUID) kafka.Message {
		return kafka.Message{Topic: topic, Partition: 1, Key: []byte("291030104196"), Value: []byte(`{"application_id":"` + strings.ToUpper(id.String()) + `"}`)}
	}
	counter, kiosk := topics.Submissions("counter"), topics.Submissions("kiosk")
	err = publisher.PublishPlaced(t.Context(), []kafka.Message{
		message(counter, passed), message(counter, uuid.New()), message(counter, uuid.New()), message(counter, waiting), message(kiosk, waiting),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `INSERT INTO position (topic, partition, first_offset, published_offset, next_offset) VALUES ($1, 1, 0, 1, 1)`, counter); err != nil {
		t.Fatal(err)
	}
	log := &Log{Brokers: created.Brokers, Topics: topics}
	found, err := Find(t.Context(), db, waiting, Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if found.Status != OnItsWay || len(found.Waiting) != 2 {
		t.Fatalf("%s, %d messages wait, want two", found.Status, len(found.Waiting))
	}
	want := map[schema.Position]int64{{Topic: counter, Partition: 1, Offset: 3}: 2, {Topic: kiosk, Partition: 1, Offset: 0}: 0}
	for _, w := range found.Waiting {
		before, expected := want[schema.Position{Topic: w.Topic, Partition: w.Partition, Offset: w.Offset}]
		if channel, _ := topics.SubmissionsChannel(w.Topic); !expected || before != w.Before || string(channel) != w.Channel || w.ReceivedAt.IsZero() {
			t.Errorf("%+v, want %v", w, want)
		}
	}
	if _, err := Find(t.Context(), db, passed, Options{Log: log}); err == nil {
		t.Error("a message before the position is on its way")
	}
}
