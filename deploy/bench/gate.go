package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/deploy/process"
	"tajdeed/schema"
)

// gate keeps workers from beginning, so that the clock of a figure starts with all of
// them: they are in their group, each holds its partitions, and taking a partition over
// waits for a lock on the table position. Nothing is fetched before that. To open the
// gate is to let the lock go.
type gate struct {
	world *world
	conn  *pgx.Conn
	tx    pgx.Tx
}

func (w *world) shutGate(ctx context.Context) (g *gate, err error) {
	g = &gate{world: w}
	// A pool's connection would be ended for being idle in a transaction.
	if g.conn, err = pgx.Connect(ctx, inDatabase(w.at.Postgres, w.name)); err != nil {
		return nil, fmt.Errorf("shut the gate: %w", err)
	}
	if g.tx, err = g.conn.Begin(ctx); err == nil {
		_, err = g.tx.Exec(ctx, `LOCK TABLE position IN SHARE MODE`)
	}
	if err != nil {
		return nil, fmt.Errorf("shut the gate: %w", errors.Join(err, g.conn.Close(ctx)))
	}
	return g, nil
}

// open lets the workers go. It may be called again.
func (g *gate) open(ctx context.Context) error {
	if g.conn == nil {
		return nil
	}
	err := errors.Join(g.tx.Rollback(ctx), g.conn.Close(ctx))
	g.conn = nil
	return err
}

// countWaiting counts the workers' connections that wait for a lock.
const countWaiting = `SELECT count(*) FROM pg_stat_activity
WHERE datname = $1 AND application_name = $2 AND wait_event_type = 'Lock'`

// crowded waits until workers stand before the gate with as many partitions as they have
// connections for.
func (g *gate) crowded(ctx context.Context, workers int) error {
	want := int64(0)
	for i := range workers {
		held := schema.DefaultPartitions / workers
		if i < schema.DefaultPartitions%workers {
			held++
		}
		want += int64(min(held, renewals.DefaultConfig().Concurrency+process.SpareConns))
	}
	return patience.Await(ctx, "the workers at the gate", func() (waiting int64, done bool, err error) {
		err = g.world.bench.record.QueryRow(ctx, countWaiting, g.world.name, "tajdeed-"+renewals.Name).Scan(&waiting)
		return waiting, waiting >= want, err
	})
}

// start starts processes and waits until all of them are in their group.
func (w *world) start(ctx context.Context, stage string, n int) error {
	for range n {
		if err := w.workers.Start(stage); err != nil {
			return err
		}
	}
	return w.joined(ctx, w.group(stage), n)
}

var errGroup = errors.New("the group cannot be described")

// joined waits until a group has its members, and each its partitions.
func (b *bench) joined(ctx context.Context, group string, members int) error {
	return patience.Await(ctx, "the members of a group", func() (int64, bool, error) {
		response, err := b.kafka.DescribeGroups(ctx, &client.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return 0, false, fmt.Errorf("describe the group: %w", err)
		}
		if len(response.Groups) != 1 {
			return 0, false, errGroup
		}
		g := response.Groups[0]
		return int64(len(g.Members)), g.GroupState == "Stable" && len(g.Members) == members, nil
	})
}
