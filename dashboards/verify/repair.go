package verify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/schema"
	"tajdeed/schema/kafka"
)

//go:embed delete.sql
var deleteStatement string

// Repair says what was done to ClickHouse.
type Repair struct {
	Inserted int64 `json:"inserted"` // rows that were missing
	Replaced int64 `json:"replaced"` // decisions whose rows were doubled or different
	Removed  int64 `json:"removed"`  // decisions that neither the record nor the topic holds
	// Left counts what is wrong and was not touched: the record and the topic don't agree
	// on it, or the stage analytics has not reached it.
	Left int64 `json:"left"`
}

// changed is how many decisions' rows were touched.
func (r *Repair) changed() int64 { return r.Inserted + r.Replaced + r.Removed }

// repair verifies, repairs ClickHouse where it differs, and verifies again.
func (v *verifier) repair(ctx context.Context) (*verification, error) {
	unlock, err := lockRepair(ctx, v.postgres)
	if err != nil {
		return nil, err
	}
	defer unlock()
	found, err := v.verify(ctx)
	if err != nil {
		return nil, err
	}
	r := repairer{
		verifier: v, found: found, run: "repair/" + uuid.NewString(),
		analytics: analytics.New(v.topics, 0, v.clickhouse, nil, v.pseudonym, nil, prometheus.NewRegistry()),
		renewals:  renewals.New(v.topics.Submissions, nil, prometheus.NewRegistry()),
	}
	if err := r.repairAll(ctx); err != nil {
		return nil, fmt.Errorf("repair ClickHouse: %w", err)
	}
	if r.done.changed() > 0 {
		if found, err = v.verify(ctx); err != nil {
			return nil, err
		}
	}
	found.books.Repair = &r.done
	return found, nil
}

// repairLock is the advisory lock in Postgres under which ClickHouse is repaired: two
// repairs at once would each insert what is missing.
const repairLock = 0x7a6a64_0001

// unlockTimeout bounds the statement that gives the lock back.
const unlockTimeout = 5 * time.Second

var errRepairing = errors.New("another repair is under way")

func lockRepair(ctx context.Context, db *pgxpool.Pool) (unlock func(), err error) {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the repair: %w", err)
	}
	var locked bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, repairLock).Scan(&locked)
	if err == nil && !locked {
		err = errRepairing
	}
	if err != nil {
		conn.Release()
		return nil, fmt.Errorf("lock the repair: %w", err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		// Closing the connection unlocks too, but only when the server has noticed.
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, repairLock); err != nil {
			_ = conn.Conn().Close(ctx)
		}
		conn.Release()
	}, nil
}

// repairer repairs what one verification found.
type repairer struct {
	*verifier

	found     *verification
	run       string           // names the blocks of this repair, see [analytics.Stage.Replay]
	analytics *analytics.Stage // inserts rows
	renewals  *renewals.Stage  // reads decisions from the record
	done      Repair
}

// repairAll repairs the partitions one after another.
func (r *repairer) repairAll(ctx context.Context) error {
	for p := range r.found.books.all {
		plan := r.plan(p)
		if err := r.removeRows(ctx, plan.at, plan.remove); err != nil {
			return fmt.Errorf("%s/%d: %w", p.topic, p.Partition, err)
		}
		if err := r.insertRows(ctx, plan.at, plan.insert); err != nil {
			return fmt.Errorf("%s/%d: %w", p.topic, p.Partition, err)
		}
	}
	return nil
}

// repairPage is how many offsets are repaired by one statement.
const repairPage = 10_000

func (r *repairer) removeRows(ctx context.Context, at topicPartition, remove []int64) error {
	for offsets := range slices.Chunk(remove, repairPage) {
		if err := r.clickhouse.Exec(ctx, deleteStatement, at.topic, int32(at.partition), offsets); err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	return nil
}

func (r *repairer) insertRows(ctx context.Context, at topicPartition, insert []int64) error {
	for len(insert) > 0 {
		// A page spans no more than repairPage offsets, so that one query reads it.
		n, _ := slices.BinarySearch(insert, insert[0]+repairPage)
		decisions, err := r.readDecisions(ctx, at, insert[:n])
		if err != nil {
			return err
		}
		if err := r.analytics.Replay(ctx, r.run, at.partition, decisions); err != nil {
			return err
		}
		insert = insert[n:]
	}
	return nil
}

// readDecisions reads decisions from the record, in the form in which the stage renewals
// announces them, with their places on the decisions topic.
func (r *repairer) readDecisions(ctx context.Context, at topicPartition, offsets []int64) ([]analytics.Replayed, error) {
	messages, err := r.renewals.Announced(ctx, r.postgres, at.partition, offsets[0], offsets[len(offsets)-1]+1)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	known := r.found.decisions[at]
	decisions := make([]analytics.Replayed, 0, len(offsets))
	for _, message := range messages {
		d, err := schema.ReadDecision(message.Key, message.Value, kafka.FromHeaders(message.Headers))
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		if _, wanted := slices.BinarySearch(offsets, d.Cause.Offset); !wanted {
			continue
		}
		i, _ := known.index(d.Cause.Offset)
		decisions = append(decisions, analytics.Replayed{
			Decision: d, LogOffset: known.logOffsets[i], PublishedAt: time.UnixMilli(known.publishedAt[i]),
		})
	}
	return decisions, nil
}
