package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	client "github.com/segmentio/kafka-go"

	"tajdeed/consumers/renewals"
	"tajdeed/deploy/process"
)

// startLock is a lock on the table position, which keeps workers from beginning: they are
// in their group and each has its partitions, but taking a partition over waits for the
// lock, and nothing is fetched before that. So the clock of a figure can start in the
// moment in which all workers do, when the lock is released.
type startLock struct {
	installation *installation
	conn         *pgx.Conn
	tx           pgx.Tx
}

func (in *installation) lockStart(ctx context.Context) (l *startLock, err error) {
	l = &startLock{installation: in}
	// A pool's connection would be ended for being idle in a transaction.
	if l.conn, err = pgx.Connect(ctx, inDatabase(in.at.Postgres, in.name)); err != nil {
		return nil, fmt.Errorf("lock the start: %w", err)
	}
	if l.tx, err = l.conn.Begin(ctx); err == nil {
		_, err = l.tx.Exec(ctx, `LOCK TABLE position IN SHARE MODE`)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the start: %w", errors.Join(err, l.conn.Close(ctx)))
	}
	return l, nil
}

// release lets the workers begin. It may be called again.
func (l *startLock) release(ctx context.Context) error {
	if l.conn == nil {
		return nil
	}
	err := errors.Join(l.tx.Rollback(ctx), l.conn.Close(ctx))
	l.conn = nil
	return err
}

// selectWaiting counts the workers' connections that wait for a lock.
const selectWaiting = `SELECT count(*) FROM pg_stat_activity
WHERE datname = $1 AND application_name = $2 AND wait_event_type = 'Lock'`

// awaitWorkers waits until workers wait for the lock, each with as many partitions as it
// has connections for.
func (l *startLock) awaitWorkers(ctx context.Context, workers int) error {
	want, partitions := int64(0), l.installation.log.partitions()
	for i := range workers {
		assigned := partitions / workers
		if i < partitions%workers {
			assigned++
		}
		want += int64(min(assigned, renewals.DefaultConfig().Concurrency+process.SpareConns))
	}
	return patience.Await(ctx, "the workers to wait for the lock", func() (waiting int64, done bool, err error) {
		err = l.installation.bench.postgres.QueryRow(ctx, selectWaiting, l.installation.name, "tajdeed-"+renewals.Name).Scan(&waiting)
		return waiting, waiting >= want, err
	})
}

// startWorkers starts processes of a stage and waits until each is in the group and has
// its partitions.
func (in *installation) startWorkers(ctx context.Context, stage string, n int) error {
	for range n {
		if err := in.workers.Start(stage); err != nil {
			return err
		}
	}
	return in.awaitMembers(ctx, in.group(stage), n)
}

var errGroup = errors.New("the group cannot be described")

// awaitMembers waits until a group has its members and each has its partitions.
func (b *bench) awaitMembers(ctx context.Context, group string, members int) error {
	return patience.Await(ctx, "the members of a group", func() (int64, bool, error) {
		response, err := b.kafka.DescribeGroups(ctx, &client.DescribeGroupsRequest{GroupIDs: []string{group}})
		if err != nil {
			return 0, false, fmt.Errorf("describe the group: %w", err)
		}
		if len(response.Groups) != 1 {
			return 0, false, errGroup
		}
		group := response.Groups[0]
		return int64(len(group.Members)), group.GroupState == "Stable" && len(group.Members) == members, nil
	})
}
