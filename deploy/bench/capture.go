package bench

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

// capturedBatch is what one batch of the stage wrote: its decisions as COPY reads them, and
// the new expiries of residencies, in days since 1970.
type capturedBatch struct {
	decisions []byte
	residents []int64
	expiries  []int32
}

// capturedBatches are the batches of a whole log, by partition and in order.
type capturedBatches map[schema.TopicPartition][]capturedBatch

// noPublisher discards what it is to publish.
type noPublisher struct{}

func (noPublisher) PublishPlaced(context.Context, []client.Message) error { return nil }

// captureBatches runs the stage in this process over the whole log, and returns what it
// wrote.
func (in *installation) captureBatches(ctx context.Context) (capturedBatches, error) {
	config := renewals.DefaultConfig()
	config.Brokers, config.Group, config.ClientID = in.at.Brokers, in.group("capture"), "tajdeed-bench"
	engine, err := renewals.NewEngine(config, renewals.Config{Topics: in.log.topics, Simulation: true},
		kafka.NewFinder(in.at.Brokers, in.log.topics, slog.Default()), in.stagePool, noPublisher{}, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(working) }()
	err = in.awaitApplied(ctx)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return nil, fmt.Errorf("run the stage: %w", err)
	}
	if err := in.checkPostgres(ctx); err != nil {
		return nil, err
	}
	return in.readBatches(ctx)
}

var (
	//go:embed batches.sql
	selectBatches string
	//go:embed decisions.sql
	copyDecisions string
	//go:embed expiries.sql
	selectExpiries string
)

// batchRange is the offsets of a partition that were one batch, without To.
type batchRange struct {
	Topic     string
	Partition int
	From, To  int64
}

// readBatches reads what each batch wrote.
func (in *installation) readBatches(ctx context.Context) (capturedBatches, error) {
	rows, err := in.postgres.Query(ctx, selectBatches)
	if err != nil {
		return nil, fmt.Errorf("read the batches: %w", err)
	}
	ranges, err := pgx.CollectRows(rows, pgx.RowToStructByPos[batchRange])
	if err != nil {
		return nil, fmt.Errorf("read the batches: %w", err)
	}
	all := capturedBatches{}
	for _, r := range ranges {
		b, err := in.readBatch(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("read a batch: %w", err)
		}
		at := schema.TopicPartition{Topic: r.Topic, Partition: r.Partition}
		all[at] = append(all[at], b)
	}
	return all, nil
}

func (in *installation) readBatch(ctx context.Context, r batchRange) (b capturedBatch, err error) {
	if b.decisions, err = in.copyOut(ctx, copyDecisions, r); err != nil {
		return b, err
	}
	rows, err := in.postgres.Query(ctx, selectExpiries, r.Topic, r.Partition, r.From, r.To)
	if err != nil {
		return b, err
	}
	defer rows.Close()
	for rows.Next() {
		var resident int64
		var expiry int32
		if err := rows.Scan(&resident, &expiry); err != nil {
			return b, err
		}
		b.residents, b.expiries = append(b.residents, resident), append(b.expiries, expiry)
	}
	return b, rows.Err()
}

// copyOut returns rows in COPY's binary format. The statement's parameters are filled in
// here, because COPY has none.
func (in *installation) copyOut(ctx context.Context, statement string, r batchRange) ([]byte, error) {
	conn, err := in.postgres.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	filled := strings.NewReplacer(
		"$topic", "'"+strings.ReplaceAll(r.Topic, "'", "''")+"'", "$partition", strconv.Itoa(r.Partition),
		"$from", strconv.FormatInt(r.From, 10), "$to", strconv.FormatInt(r.To, 10)).Replace(statement)
	var rows bytes.Buffer
	_, err = conn.Conn().PgConn().CopyTo(ctx, &rows, filled)
	return rows.Bytes(), err
}
