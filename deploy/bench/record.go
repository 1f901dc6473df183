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
)

// tapedBatch is what one batch of the stage wrote: rows as COPY takes them, and the
// residencies' new expiries.
type tapedBatch struct {
	decisions []byte
	residents []int64
	expiries  []int32
}

// tape is what the stage wrote of a whole log, by partition and in order.
type tape map[int][]tapedBatch

// silent publishes nothing.
type silent struct{}

func (silent) PublishPlaced(context.Context, string, []client.Message) error { return nil }

// tape runs the stage over the world's log, in this process, and returns what it wrote.
func (w *world) tape(ctx context.Context) (tape, error) {
	config := renewals.DefaultConfig()
	config.Brokers, config.Group, config.ClientID = w.at.Brokers, w.group("tape"), "tajdeed-bench"
	engine, err := renewals.NewEngine(config, w.log.topics, w.stage, silent{}, slog.Default(), prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(working) }()
	err = patience.Await(ctx, "the record", func() (reached int64, done bool, err error) {
		err = w.record.QueryRow(ctx, selectReached, w.log.topics.Submissions).Scan(&reached)
		return reached, reached >= w.log.messages, err
	})
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return nil, fmt.Errorf("run the stage: %w", err)
	}
	if err := w.audit(ctx); err != nil {
		return nil, err
	}
	return w.readTape(ctx, w.log.topics.Submissions)
}

var (
	//go:embed batches.sql
	selectTapedBatches string
	//go:embed decisions.sql
	copyTapedDecisions string
	//go:embed expiries.sql
	selectTapedExpiries string
)

// tapedRun is a run of a partition that was a batch.
type tapedRun struct {
	Partition int
	From, To  int64
}

// readTape reads the record again, batch by batch.
func (w *world) readTape(ctx context.Context, topic string) (tape, error) {
	rows, err := w.record.Query(ctx, selectTapedBatches, topic)
	if err != nil {
		return nil, fmt.Errorf("read the batches: %w", err)
	}
	runs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[tapedRun])
	if err != nil {
		return nil, fmt.Errorf("read the batches: %w", err)
	}
	t := tape{}
	for _, r := range runs {
		b, err := w.readTaped(ctx, topic, r)
		if err != nil {
			return nil, fmt.Errorf("read a batch: %w", err)
		}
		t[r.Partition] = append(t[r.Partition], b)
	}
	return t, nil
}

func (w *world) readTaped(ctx context.Context, topic string, r tapedRun) (b tapedBatch, err error) {
	if b.decisions, err = w.copyOut(ctx, copyTapedDecisions, topic, r); err != nil {
		return b, err
	}
	rows, err := w.record.Query(ctx, selectTapedExpiries, topic, r.Partition, r.From, r.To)
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

// copyOut returns rows in the format in which COPY takes them in. COPY knows no
// parameters.
func (w *world) copyOut(ctx context.Context, statement, topic string, r tapedRun) ([]byte, error) {
	conn, err := w.record.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	filled := strings.NewReplacer(
		"$topic", "'"+strings.ReplaceAll(topic, "'", "''")+"'", "$partition", strconv.Itoa(r.Partition),
		"$from", strconv.FormatInt(r.From, 10), "$to", strconv.FormatInt(r.To, 10)).Replace(statement)
	var rows bytes.Buffer
	_, err = conn.Conn().PgConn().CopyTo(ctx, &rows, filled)
	return rows.Bytes(), err
}
