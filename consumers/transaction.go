package consumers

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"

	"tajdeed/schema"
)

// ledgerWork is a decoded batch on its way into Postgres.
type ledgerWork struct {
	*ledgerPartition
	batch     *Batch
	decoded   Decoded
	committed bool
	announced bool
	attempts  int // at announcing it
	// answers are those to its messages, once it is committed.
	answers []kafka.Message
}

// Apply applies the batch and announces it.
func (w *ledgerWork) Apply(ctx context.Context) error { return jointWork{w}.Apply(ctx) }

// jointWork are batches of different partitions that are applied as one.
type jointWork []*ledgerWork

// Apply takes the batches through look up ▸ decide ▸ apply, in one transaction, and
// announces them. What an earlier attempt has done is not done again.
func (ws jointWork) Apply(ctx context.Context) error {
	left := slices.DeleteFunc(slices.Clone(ws), func(w *ledgerWork) bool { return w.committed })
	if len(left) > 0 {
		if err := left.commit(ctx); err != nil {
			return err
		}
	}
	return ws.announce(ctx)
}

// transactionTimeout is how long Postgres may take for a batch before it is taken to
// hang: the server's own statement timeout does not end what a server that is frozen, or a
// network that swallows, keeps waiting. What became of the batch is then unknown, as with
// any answer that is lost.
const transactionTimeout = 15 * time.Second

// commit is the transaction, in few round trips: one to look up, one or two to write, one to
// commit. If the answer to its COMMIT is lost, the next attempt finds the
// positions moved and is fenced; whoever opens the partitions then reads in Postgres what
// became of it.
func (ws jointWork) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	effects := ws.effects()

	// Look up, after the fence: the positions move only from where this worker left them,
	// and stay locked until the end. Both go with the BEGIN, so a worker that is fenced has
	// looked up in vain; its rollback frees what that locked.
	var lookUp pgx.Batch
	lookUp.BeginTx(pgx.TxOptions{})
	ws.queueFence(&lookUp)
	effects.LookUp(&lookUp)
	results := ws[0].ledger.db.SendBatch(ctx, &lookUp)
	tx := results.Tx()
	if err := results.Close(); err != nil {
		_ = tx.Rollback(ctx) // where it fails, the connection is closed
		return fmt.Errorf("begin batch: %w", err)
	}

	// Decide, and apply: the stage writes its effects, the ledger the batches' own rows and
	// what they quarantined, while the transaction holds its locks.
	if err := ws.write(ctx, tx, effects); err != nil {
		_ = tx.Rollback(ctx)
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit batch: %w", err)
	}

	// The effects are durable, and so is, with the positions, how far announcements had come
	// before. What these batches announce is known only now.
	for i, w := range ws {
		w.committed, w.noted = true, max(w.noted, w.published)
		w.answers = w.answersFor(effects.Announcements(i), w.batch.quarantined)
	}
	return nil
}

func (ws jointWork) effects() Effects {
	decoded := make([]Decoded, len(ws))
	for i, w := range ws {
		decoded[i] = w.decoded
	}
	return ws[0].ledger.stage.Effects(decoded)
}

//go:embed move_positions.sql
var movePositions string

// queueFence queues the moving of the positions; where one does not move, another worker
// has moved it.
func (ws jointWork) queueFence(queue *pgx.Batch) {
	n := len(ws)
	topics, partitions := ws.partitions()
	from, to := make([]int64, n), make([]int64, n)
	published, skipped := make([]int64, n), make([]int64, n)
	for i, w := range ws {
		from[i], to[i] = w.batch.From, w.batch.To
		published[i], skipped[i] = w.published, w.batch.Skipped()
	}
	queue.Queue(movePositions, topics, partitions, from, to, published, skipped).Query(func(rows pgx.Rows) error {
		moved, err := pgx.CollectRows(rows, pgx.RowToStructByPos[schema.TopicPartition])
		if err != nil || len(moved) == n {
			return err
		}
		fenced := partitionsOf(ws, func(w *ledgerWork) schema.TopicPartition { return w.at })
		return &FencedError{slices.DeleteFunc(fenced, func(p schema.TopicPartition) bool { return slices.Contains(moved, p) })}
	})
}

// partitions returns the batches' partitions as Postgres takes them.
func (ws jointWork) partitions() (topics []string, partitions []int) {
	for _, w := range ws {
		topics, partitions = append(topics, w.at.Topic), append(partitions, w.at.Partition)
	}
	return topics, partitions
}

//go:embed insert_batches.sql
var insertBatches string

// write writes the effects, and what the ledger adds. A batch's own row has its number from
// a sequence, so of two batches that touch the same rows the numbers are in the order of
// their effects.
func (ws jointWork) write(ctx context.Context, tx pgx.Tx, effects Effects) error {
	var queue pgx.Batch
	if err := effects.Apply(ctx, tx, &queue); err != nil {
		return err
	}
	n := len(ws)
	topics, partitions := ws.partitions()
	from, to, policies := make([]int64, n), make([]int64, n), make([]string, n)
	for i, w := range ws {
		from[i], to[i], policies[i] = w.batch.From, w.batch.To, effects.Policy(i)
		queueQuarantined(&queue, w.batch)
	}
	queue.Queue(insertBatches, topics, partitions, from, to, policies)
	if err := tx.SendBatch(ctx, &queue).Close(); err != nil {
		return fmt.Errorf("write batch: %w", err)
	}
	return nil
}
