package show

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/fetch"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// Log is the channels' topics of submissions.
type Log struct {
	Brokers []string
	Topics  schema.Topics
}

// lookFor bounds how long the topics are looked through: a million messages take a few
// seconds.
const lookFor = 30 * time.Second

// find reads what lies on the topics of submissions and was not decided yet, and returns the
// messages that name the id.
func (l *Log) find(ctx context.Context, db *pgxpool.Pool, id uuid.UUID) ([]Waiting, error) {
	ctx, cancel := context.WithTimeout(ctx, lookFor)
	defer cancel()
	positions, err := readPositions(ctx, db)
	if err != nil {
		return nil, err
	}
	topics, err := kafka.NewFinder(l.Brokers, l.Topics, slog.New(slog.DiscardHandler)).Topics(ctx, l.Topics.Submissions)
	if err != nil {
		return nil, err
	}
	transport := &client.Transport{ClientID: "tajdeed-show"}
	defer transport.CloseIdleConnections()
	r := logReader{
		id: []byte(strings.ToLower(id.String())), topics: l.Topics, found: []Waiting{},
		fetcher: &fetch.Fetcher{Transport: transport, ClientID: "tajdeed-show", Broker: client.TCP(l.Brokers...), MaxBytes: 4 << 20},
	}
	for topic := range topics {
		ends, err := kafka.Ends(ctx, l.Brokers, topic)
		if err != nil {
			return nil, err
		}
		for partition, end := range ends {
			at := schema.TopicPartition{Topic: topic, Partition: partition}
			if err := r.read(ctx, at, max(positions[at], end.First), end.Next); err != nil {
				return nil, fmt.Errorf("%s: %w", at, err)
			}
		}
	}
	return r.found, nil
}

// readPositions reads up to where each partition is decided.
func readPositions(ctx context.Context, db *pgxpool.Pool) (map[schema.TopicPartition]int64, error) {
	rows, err := db.Query(ctx, `SELECT topic, partition, next_offset FROM position`)
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	positions := map[schema.TopicPartition]int64{}
	var at schema.TopicPartition
	var next int64
	_, err = pgx.ForEachRow(rows, []any{&at.Topic, &at.Partition, &next}, func() error {
		positions[at] = next
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read positions: %w", err)
	}
	return positions, nil
}

// logReader looks for an id in messages.
type logReader struct {
	id      []byte // in small letters
	topics  schema.Topics
	fetcher *fetch.Fetcher
	found   []Waiting
}

// read looks through a run of a partition.
func (r *logReader) read(ctx context.Context, at schema.TopicPartition, from, to int64) error {
	channel, _ := r.topics.SubmissionsChannel(at.Topic)
	for next := from; next < to; {
		run := &fetch.Run{TopicPartition: at, From: next, To: next}
		faults, err := r.fetcher.Fetch(ctx, []*fetch.Run{run}, time.Second)
		if err == nil {
			err = faults[0]
		}
		if err != nil {
			return err
		}
		for i := range run.Messages {
			if m := &run.Messages[i]; m.Offset < to && bytes.Contains(bytes.ToLower(m.Value), r.id) {
				r.found = append(r.found, Waiting{
					Channel: string(channel), ReceivedAt: m.Time, Topic: at.Topic, Partition: at.Partition,
					Offset: m.Offset, Before: m.Offset - from,
				})
			}
		}
		if next = run.To; !run.Behind() && next < to {
			return nil // an open transaction withholds the rest, from the stage too
		}
	}
	return nil
}
