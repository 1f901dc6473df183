package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/consumers/renewals"
)

// tapedStatement is one that the stage executed, with its parameters.
type tapedStatement struct {
	sql  string
	args []any
}

// tapedBatch is what one batch executed: round trips of some statements each.
type tapedBatch [][]tapedStatement

// tape is what the stage executed on a whole log, by partition and in order.
type tape struct {
	mu           sync.Mutex
	transactions map[int][]tapedBatch
}

// taping is the stage, with all that it executes taken down.
type taping struct {
	consumers.Stage
	tape *tape
}

// Decode implements [consumers.Stage].
func (t taping) Decode(b *consumers.Batch) consumers.Effects {
	return &tapedEffects{Effects: t.Stage.Decode(b), tape: t.tape, partition: b.Partition}
}

// tapedEffects are a batch's effects and what the last attempt to apply them executed.
type tapedEffects struct {
	consumers.Effects
	tape      *tape
	partition int
	executed  tapedBatch
}

// Apply implements [consumers.Effects].
func (e *tapedEffects) Apply(ctx context.Context, tx pgx.Tx) error {
	taped := &tapedTx{Tx: tx}
	err := e.Effects.Apply(ctx, taped)
	e.executed = taped.executed
	return err
}

// Announcements implements [consumers.Effects]. It is asked for when the batch has
// committed, and nothing is announced.
func (e *tapedEffects) Announcements() []client.Message {
	e.tape.mu.Lock()
	defer e.tape.mu.Unlock()
	e.tape.transactions[e.partition] = append(e.tape.transactions[e.partition], e.executed)
	return nil
}

// tapedTx takes down the statements that may write, before they are executed.
type tapedTx struct {
	pgx.Tx
	executed tapedBatch
}

// SendBatch implements [pgx.Tx].
func (t *tapedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	trip := make([]tapedStatement, 0, len(b.QueuedQueries))
	for _, q := range b.QueuedQueries {
		trip = append(trip, tapedStatement{sql: q.SQL, args: copyArgs(q.Arguments)})
	}
	t.executed = append(t.executed, trip)
	return t.Tx.SendBatch(ctx, b)
}

// Exec implements [pgx.Tx].
func (t *tapedTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	t.executed = append(t.executed, []tapedStatement{{sql: sql, args: copyArgs(args)}})
	return t.Tx.Exec(ctx, sql, args...)
}

var errNotTaped = errors.New("the ceiling cannot repeat a COPY: it must learn to, as the stage has")

// CopyFrom implements [pgx.Tx].
func (t *tapedTx) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errNotTaped
}

// copyArgs copies parameters to the last byte: a column may be used again for the next
// batch, and its strings may lie in the batch's own memory.
func copyArgs(args []any) []any {
	copied := make([]any, len(args))
	for i, arg := range args {
		if arg != nil {
			copied[i] = deepCopy(reflect.ValueOf(arg)).Interface()
		}
	}
	return copied
}

func deepCopy(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		return copySlice(v)
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		to := reflect.New(v.Type().Elem())
		to.Elem().Set(deepCopy(v.Elem()))
		return to
	case reflect.String:
		to := reflect.New(v.Type()).Elem()
		to.SetString(strings.Clone(v.String()))
		return to
	default:
		return v
	}
}

func copySlice(v reflect.Value) reflect.Value {
	to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	switch v.Type().Elem().Kind() {
	case reflect.Slice, reflect.Pointer, reflect.String, reflect.Interface:
		for i := range v.Len() {
			to.Index(i).Set(deepCopy(v.Index(i)))
		}
	default:
		reflect.Copy(to, v)
	}
	return to
}

// silent publishes nothing.
type silent struct{}

func (silent) PublishTo(context.Context, string, int, []client.Message) error { return nil }

// tape runs the stage over the world's log, in this process, and returns what it
// executed.
func (w *world) tape(ctx context.Context) (*tape, error) {
	t := &tape{transactions: map[int][]tapedBatch{}}
	registry := prometheus.NewRegistry()
	config := renewalsDefaults
	config.Brokers, config.Topic, config.Group, config.ClientID = w.at.Brokers, w.log.topics.Submissions, w.group("tape"), "tajdeed-bench"
	ledger := consumers.NewLedger(config.Topic, w.log.topics, taping{renewals.New(config.Topic, registry), t}, w.record, silent{})
	engine, err := consumers.New(renewals.Name, config, ledger, slog.Default(), registry)
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(working) }()
	err = watchUntil(ctx, "the record", func() (reached int64, done bool, err error) {
		err = w.record.QueryRow(ctx, selectReached, config.Topic).Scan(&reached)
		return reached, reached >= w.log.messages, err
	})
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return nil, fmt.Errorf("run the stage: %w", err)
	}
	return t, w.audit(ctx)
}
