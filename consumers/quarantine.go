package consumers

import (
	"context"
	_ "embed"
	"slices"
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
// its partition of the quarantine topic of that name.
func (b *Batch) QuarantineMessages(topic string) []kafka.Message {
	return quarantineMessages(topic, b.TopicPartition(), b.quarantined)
}

func quarantineMessages(topic string, at schema.TopicPartition, unread []quarantined) []kafka.Message {
	out := make([]kafka.Message, len(unread))
	for i, q := range unread {
		out[i] = kafka.Message{
			Topic: topic, Partition: at.Partition,
			Key: q.message.Key, Value: q.message.Value,
			Headers: append(kafkaschema.Headers(ownHeaders(q.message.Headers)), q.originHeaders(at)...),
		}
	}
	return out
}

// readQuarantined reads again what lies quarantined between two offsets, in their order.
func readQuarantined(ctx context.Context, db *pgxpool.Pool, at schema.TopicPartition, from, to int64) ([]quarantined, error) {
	rows, err := db.Query(ctx, selectQuarantined, at.Topic, at.Partition, from, to)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (quarantined, error) {
		var (
			q      = quarantined{message: new(Message), reason: new(schema.Error)}
			m      = q.message
			keys   []string
			values [][]byte
		)
		err := row.Scan(&m.Offset, &q.reason.Rule, &q.reason.Field, &q.reason.Detail, &m.Key, &m.Value, &keys, &values, &m.Time)
		for i, key := range keys {
			m.Headers = append(m.Headers, schema.Header{Key: key, Value: values[i]})
		}
		return q, err
	})
}

// The beginnings of the names of the headers that originHeaders returns.
const originPrefix, quarantinePrefix = "tajdeed_origin_", "tajdeed_quarantine_"

// ownHeaders returns a message's headers without those that only the quarantine may write:
// whoever published it could name another message in them, as its origin.
func ownHeaders(headers []schema.Header) []schema.Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h schema.Header) bool {
		return strings.HasPrefix(h.Key, originPrefix) || strings.HasPrefix(h.Key, quarantinePrefix)
	})
}

// originHeaders say where a quarantined message lay and why it could not be read.
func (q quarantined) originHeaders(at schema.TopicPartition) []kafka.Header {
	header := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	return []kafka.Header{
		header(schema.HeaderOriginTopic, at.Topic),
		header(schema.HeaderOriginPartition, strconv.Itoa(at.Partition)),
		header(schema.HeaderOriginOffset, strconv.FormatInt(q.message.Offset, 10)),
		header(schema.HeaderOriginTimestamp, q.message.Time.UTC().Format(time.RFC3339Nano)),
		header(schema.HeaderQuarantineRule, q.reason.Rule.String()),
		header(schema.HeaderQuarantineField, q.reason.Field),
		header(schema.HeaderQuarantineDetail, q.reason.Detail),
	}
}
