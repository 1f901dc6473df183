package consumers

import (
	"context"
	_ "embed"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
	kafkaschema "tajdeed/schema/kafka"
)

// quarantined is a message that could not be read, and why.
type quarantined struct {
	message *Message
	reason  *schema.Error
}

// reasonText is the reason as Postgres and the headers hold it: rule, field and detail.
func (q quarantined) reasonText() [3]string {
	return [3]string{q.reason.Rule.String(), q.reason.Field, q.reason.Detail}
}

var (
	//go:embed insert_quarantined.sql
	insertQuarantined string
	//go:embed select_quarantined.sql
	selectQuarantined string
)

// queueQuarantined queues the insertion of what a batch quarantined, a statement for each
// message: there are few, if any.
func queueQuarantined(queue *pgx.Batch, b *Batch) {
	for _, q := range b.quarantined {
		keys, values := make([]string, 0, len(q.message.Headers)), make([][]byte, 0, len(q.message.Headers))
		for _, h := range q.message.Headers {
			keys, values = append(keys, text(h.Key)), append(values, h.Value)
		}
		queue.Queue(insertQuarantined, b.Topic, b.Partition, q.message.Offset,
			q.reason.Rule.String(), q.reason.Field, q.reason.Detail,
			q.message.Key, q.message.Value, keys, values, q.message.Time)
	}
}

// text makes a header's key storable: a broker takes any bytes for one, Postgres
// takes UTF-8 without NUL.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// QuarantineMessages returns what the batch quarantined, bytes untouched, as messages for
// its partition of the quarantine topic.
func (b *Batch) QuarantineMessages() []kafka.Message {
	out := make([]kafka.Message, 0, len(b.quarantined))
	for _, q := range b.quarantined {
		out = append(out, kafka.Message{
			Partition: b.Partition,
			Key:       q.message.Key, Value: q.message.Value,
			Headers: append(kafkaschema.Headers(q.message.Headers), originHeaders(b.Position(q.message), q.message.Time, q.reasonText())...),
		})
	}
	return out
}

// readQuarantined reads again what lies quarantined between two offsets.
func readQuarantined(ctx context.Context, db *pgxpool.Pool, topic string, partition int, from, to int64) ([]kafka.Message, error) {
	rows, err := db.Query(ctx, selectQuarantined, topic, partition, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (kafka.Message, error) {
		var (
			m        = kafka.Message{Partition: partition}
			position = schema.Position{Topic: topic, Partition: partition}
			received time.Time
			reason   [3]string
			keys     []string
			values   [][]byte
		)
		err := row.Scan(&position.Offset, &reason[0], &reason[1], &reason[2], &m.Key, &m.Value, &keys, &values, &received)
		for i, key := range keys {
			m.Headers = append(m.Headers, kafka.Header{Key: key, Value: values[i]})
		}
		m.Headers = append(m.Headers, originHeaders(position, received, reason)...)
		return m, err
	})
}

// originHeaders say where a quarantined message lay and why it could not be read.
func originHeaders(at schema.Position, received time.Time, reason [3]string) []kafka.Header {
	header := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	return []kafka.Header{
		header(schema.HeaderOriginTopic, at.Topic),
		header(schema.HeaderOriginPartition, strconv.Itoa(at.Partition)),
		header(schema.HeaderOriginOffset, strconv.FormatInt(at.Offset, 10)),
		header(schema.HeaderOriginTimestamp, received.UTC().Format(time.RFC3339Nano)),
		header(schema.HeaderQuarantineRule, reason[0]),
		header(schema.HeaderQuarantineField, reason[1]),
		header(schema.HeaderQuarantineDetail, reason[2]),
	}
}
