package consumers_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// header returns a header of a message, "" where it has none.
func header(m kafka.Message, name string) string {
	for _, h := range m.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

func isNotice(m kafka.Message) bool { return header(m, schema.HeaderType) == schema.TypeUnreadable }

// answered fails unless a partition of a channel's decisions topic answers so many messages,
// each once, in their order.
func (b *bench) answered(c schema.Channel, partition, messages int) {
	b.Helper()
	answers := b.read(b.topics.Decisions(c), partition)
	if len(answers) != messages {
		b.Errorf("%d answers to %d messages", len(answers), messages)
	}
	for i, m := range answers {
		want := fmt.Sprintf("%s/%d/%d", b.topics.Submissions(c), partition, i)
		if got := header(m, schema.HeaderID); got != want {
			b.Fatalf("answer %d is to %s, want %s", i, got, want)
		}
	}
}

// mixed are messages of which every third cannot be read, with the keys that channels give
// them, and every seventh is refused by Postgres.
func mixed(n int) []kafka.Message {
	messages := make([]kafka.Message, n)
	for i := range messages {
		m := &messages[i]
		m.Value = fmt.Append(nil, i)
		switch {
		case i%7 == 3:
			m.Value = []byte("cursed")
		case i%3 == 1:
			m.Key, m.Value = []byte("289010112345"), []byte("poison")
		case i%3 == 2:
			m.Key = []byte("no civil id")
		}
	}
	return messages
}

// Every message is answered, in the order of the messages: what cannot be read, and what
// Postgres refuses, by a notice.
func TestEveryMessageIsAnswered(t *testing.T) {
	b := setup(t, 1)
	const n = 100
	messages := mixed(n)
	b.send(0, messages...)
	b.start(b.ledger(b.tally()), b.config())
	b.drained(n)
	b.answered("counter", 0, n)
	for i, m := range b.read(b.out, 0) {
		if want := slices.Contains([]string{"cursed", "poison"}, string(messages[i].Value)); isNotice(m) != want {
			t.Errorf("message %d, %q, is answered by a notice: %t", i, messages[i].Value, isNotice(m))
		}
		if isNotice(m) {
			b.wantNotice(int64(i), messages[i], m)
		}
	}
}

// wantNotice fails unless m is the notice of a message at an offset of partition 0.
func (b *bench) wantNotice(offset int64, message, m kafka.Message) {
	b.Helper()
	key := ""
	if string(message.Value) == "poison" {
		key = string(message.Key)
	}
	answer, err := schema.ReadAnswer(m.Key, m.Value, kafkaschema.FromHeaders(m.Headers))
	u := answer.Unreadable
	if err != nil || string(m.Key) != key || u.Cause != (schema.Position{Topic: b.in, Offset: offset}) || !u.Simulation || u.Revision != schema.FirstRevision {
		b.Errorf("the notice says %+v, with the key %q; %v", u, m.Key, err)
	}
	envelope, err := schema.ReadEnvelope(kafkaschema.FromHeaders(m.Headers))
	if err != nil || envelope.Source != "/tally" || envelope.Time.IsZero() || !envelope.Time.Equal(u.ReceivedAt) {
		b.Errorf("its headers say %+v; it was received at %s; %v", envelope, u.ReceivedAt, err)
	}
	rule := map[string]schema.Rule{"poison": schema.RuleNotJSON, "cursed": schema.RuleNotStorable}[string(message.Value)]
	if u.Rule != rule {
		b.Errorf("it was quarantined by the rule %s, want %s", u.Rule, rule)
	}
}

// Who takes a partition over answers what the worker before may not have answered, exactly
// as that one would have.
func TestTakeoverAnswersInOrder(t *testing.T) {
	b := setup(t, 1)
	const n = 100
	var attempts atomic.Int64
	b.publisher.setFail(func() error {
		attempts.Add(1)
		return errors.New("the broker is away")
	})
	b.send(0, slices.Repeat([]kafka.Message{{Value: []byte("0")}, {Key: []byte("289010112345"), Value: []byte("poison")}}, n/2)...)
	config := b.config()
	config.BatchMessages, config.QuarantineLimit = n, 1
	w := b.start(b.ledger(b.tally()), config)
	eventually(t, func() error {
		if attempts.Load() < 2 {
			return errors.New("not tried yet")
		}
		return nil
	})
	w.stop(t)
	if left := b.count(`SELECT next_offset - published_offset FROM position`); left != n {
		t.Fatalf("%d messages are left to answer, want %d", left, n)
	}
	b.publisher.setFail(nil)
	b.start(b.ledger(b.tally()), config)
	b.drained(n)
	b.answered("counter", 0, n)
	for i, m := range b.read(b.out, 0) {
		if i%2 == 1 {
			b.wantNotice(int64(i), kafka.Message{Key: []byte("289010112345"), Value: []byte("poison")}, m)
		}
	}
	if aside := b.read(b.quarantine, 0); len(aside) != n/2 {
		t.Errorf("%d messages in quarantine, want %d", len(aside), n/2)
	}
}

// A message that names another as its origin is quarantined with its own; the record keeps
// it as it came.
func TestOriginHeadersAreOurs(t *testing.T) {
	b := setup(t, 1)
	forged := []kafka.Header{
		{Key: schema.HeaderOriginTopic, Value: []byte("another")}, {Key: "trace", Value: []byte("1")},
		{Key: schema.HeaderQuarantineRule, Value: []byte("oversize")}, {Key: "tajdeed_origin_of_species", Value: []byte("1859")},
	}
	b.send(0, kafka.Message{Value: []byte("poison"), Headers: forged})
	b.start(b.ledger(b.tally()), b.config())
	b.drained(1)
	aside := b.read(b.quarantine, 0)
	if len(aside) != 1 {
		t.Fatalf("%d messages in quarantine, want 1", len(aside))
	}
	var names []string
	for _, h := range aside[0].Headers {
		names = append(names, h.Key)
	}
	want := []string{
		"trace", schema.HeaderOriginTopic, schema.HeaderOriginPartition, schema.HeaderOriginOffset, schema.HeaderOriginTimestamp,
		schema.HeaderQuarantineRule, schema.HeaderQuarantineField, schema.HeaderQuarantineDetail,
	}
	if !slices.Equal(names, want) || header(aside[0], schema.HeaderOriginTopic) != b.in || header(aside[0], schema.HeaderQuarantineRule) != "not_json" {
		t.Errorf("it is quarantined with %s", aside[0].Headers)
	}
	var kept []string
	if err := b.db.QueryRow(t.Context(), `SELECT header_keys FROM quarantined`).Scan(&kept); err != nil || len(kept) != len(forged) || !strings.HasPrefix(kept[3], "tajdeed_origin") {
		t.Errorf("the record keeps the headers %q, %v", kept, err)
	}
}
