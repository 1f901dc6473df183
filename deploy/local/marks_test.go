package local

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// marks are words written to a server, and read again after it was killed or stopped.
type marks struct {
	make  func(context.Context, Endpoints) error
	write func(context.Context, Endpoints, string) error
	read  func(ctx context.Context, at Endpoints, want int) ([]string, error)
}

func marksOf(name string) marks {
	return map[string]marks{
		postgresName:   {makeInPostgres, writeToPostgres, readFromPostgres},
		clickhouseName: {makeInClickHouse, writeToClickHouse, readFromClickHouse},
		kafkaName:      {makeInKafka, writeToKafka, readFromKafka},
	}[name]
}

func everyServer() []string { return []string{postgresName, clickhouseName, kafkaName} }

func makeMarks(t *testing.T, at Endpoints) {
	t.Helper()
	for _, name := range everyServer() {
		must(t, marksOf(name).make(limit(t), at))
	}
}

func writeMark(t *testing.T, at Endpoints, mark string) {
	t.Helper()
	for _, name := range everyServer() {
		must(t, marksOf(name).write(limit(t), at, mark))
	}
}

func wantMarks(t *testing.T, at Endpoints, want ...string) {
	t.Helper()
	for _, name := range everyServer() {
		wantMarksIn(t, name, at, want...)
	}
}

func wantMarksIn(t *testing.T, name string, at Endpoints, want ...string) {
	t.Helper()
	got, err := marksOf(name).read(limit(t), at, len(want))
	must(t, err)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, want %v", name, got, want)
	}
}

func makeInPostgres(ctx context.Context, at Endpoints) error {
	return execPostgres(ctx, at, "CREATE TABLE mark (word text)")
}

func writeToPostgres(ctx context.Context, at Endpoints, word string) error {
	return execPostgres(ctx, at, "INSERT INTO mark VALUES ($1)", word)
}

func execPostgres(ctx context.Context, at Endpoints, sql string, args ...any) error {
	conn, err := pgx.Connect(ctx, at.Postgres)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql, args...)
	return err
}

func readFromPostgres(ctx context.Context, at Endpoints, _ int) ([]string, error) {
	conn, err := pgx.Connect(ctx, at.Postgres)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT word FROM mark")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func makeInClickHouse(ctx context.Context, at Endpoints) error {
	return execClickHouse(ctx, at, "CREATE TABLE mark (word String) ENGINE = MergeTree ORDER BY word")
}

func writeToClickHouse(ctx context.Context, at Endpoints, word string) error {
	return execClickHouse(ctx, at, "INSERT INTO mark VALUES (?)", word)
}

func execClickHouse(ctx context.Context, at Endpoints, sql string, args ...any) error {
	options, err := clickhouse.ParseDSN(at.ClickHouse)
	if err != nil {
		return err
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Exec(ctx, sql, args...)
}

func readFromClickHouse(ctx context.Context, at Endpoints, _ int) ([]string, error) {
	options, err := clickhouse.ParseDSN(at.ClickHouse)
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var words []struct {
		Word string `ch:"word"`
	}
	err = conn.Select(ctx, &words, "SELECT word FROM mark")
	var plain []string
	for _, w := range words {
		plain = append(plain, w.Word)
	}
	return plain, err
}

const markTopic = "mark"

func makeInKafka(ctx context.Context, at Endpoints) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Brokers...))
	if err != nil {
		return err
	}
	defer client.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = markTopic, 1, 1
	ask := kmsg.NewPtrCreateTopicsRequest()
	ask.Topics = append(ask.Topics, topic)
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(answer.Topics[0].ErrorCode)
}

func writeToKafka(ctx context.Context, at Endpoints, word string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Brokers...), kgo.UnknownTopicRetries(-1))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, &kgo.Record{Topic: markTopic, Value: []byte(word)}).FirstErr()
}

// readFromKafka reads as many words as are wanted, and those that came with them.
func readFromKafka(ctx context.Context, at Endpoints, want int) ([]string, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Brokers...), kgo.ConsumeTopics(markTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	var words []string
	for len(words) < want {
		fetched := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return words, fmt.Errorf("read %d of %d: %w", len(words), want, ctx.Err())
		}
		fetched.EachRecord(func(r *kgo.Record) { words = append(words, string(r.Value)) })
	}
	return words, nil
}
