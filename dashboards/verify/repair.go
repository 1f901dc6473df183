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
)

var (
	//go:embed delete.sql
	deleteDecisions string
	//go:embed delete_unreadable.sql
	deleteUnreadable string
)

// Repair says what was done to ClickHouse.
type Repair struct {
	Inserted int64 `json:"inserted"` // rows that were missing
	Replaced int64 `json:"replaced"` // answers whose rows were doubled or different
	Removed  int64 `json:"removed"`  // answers that neither the record nor the topic holds
	// Left counts what is wrong and was not touched: the record and the topic don't agree
	// on it, or the stage analytics has not reached it.
	Left int64 `json:"left"`
}

// changed is how many answers' rows were touched.
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
		analytics: analytics.New(analytics.Config{Topics: v.topics, DB: v.clickhouse, Pseudonym: v.pseudonym}, prometheus.NewRegistry()),
		renewals:  renewals.New(renewals.Config{Topics: v.topics, Simulation: v.simulated}, prometheus.NewRegistry()),
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
		for _, t := range []repairedTable{r.decisions(), r.unreadable()} {
			plan := r.plan(p, t)
			err := r.removeRows(ctx, t, plan)
			if err == nil {
				err = r.insertRows(ctx, t, plan)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", p.at(), err)
			}
		}
	}
	return nil
}

// repairedTable is a table of ClickHouse that is repaired.
type repairedTable struct {
	entries entriesOf // what it should hold
	remove  string    // the statement that removes rows
	// read reads answers of a partition from the record, as the stage inserts them, without
	// their places.
	read func(ctx context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error)

	// The kinds of its gaps, and those of the answers on their topic.
	missing, doubled, different, unknown GapKind
	publishedOtherwise, publishedUnknown GapKind
}

func (r *repairer) decisions() repairedTable {
	return repairedTable{
		entries: r.found.decisions, remove: deleteDecisions, read: r.readDecisions,
		missing: GapMissing, doubled: GapDoubled, different: GapDifferent, unknown: GapUnknown,
		publishedOtherwise: GapPublishedOtherwise, publishedUnknown: GapPublishedUnknown,
	}
}

func (r *repairer) unreadable() repairedTable {
	return repairedTable{
		entries: r.found.notices, remove: deleteUnreadable, read: r.readNotices,
		missing: GapUnreadableMissing, doubled: GapUnreadableDoubled, different: GapUnreadableDifferent, unknown: GapUnreadableUnknown,
		publishedOtherwise: GapNoticeOtherwise, publishedUnknown: GapNoticeUnknown,
	}
}

// repairPage is how many offsets are repaired by one statement.
const repairPage = 10_000

func (r *repairer) removeRows(ctx context.Context, t repairedTable, plan *plan) error {
	for offsets := range slices.Chunk(plan.remove, repairPage) {
		if err := r.clickhouse.Exec(ctx, t.remove, plan.at.Topic, int32(plan.at.Partition), offsets); err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	return nil
}

func (r *repairer) insertRows(ctx context.Context, t repairedTable, plan *plan) error {
	log, known := r.found.placeOf(plan.at).log, t.entries.of(plan.at)
	for insert := plan.insert; len(insert) > 0; {
		// A page spans no more than repairPage offsets, so that one query reads it.
		n, _ := slices.BinarySearch(insert, insert[0]+repairPage)
		answers, err := t.read(ctx, plan.at, insert[:n])
		if err != nil {
			return err
		}
		for i := range answers {
			at, _ := known.index(answers[i].Cause.Offset)
			answers[i].LogOffset, answers[i].PublishedAt = known.all[at].logOffset, time.UnixMilli(known.all[at].publishedAt)
		}
		if err := r.analytics.Replay(ctx, r.run, log, answers); err != nil {
			return err
		}
		insert = insert[n:]
	}
	return nil
}

func (r *repairer) readDecisions(ctx context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error) {
	decisions, err := r.renewals.Decisions(ctx, r.postgres, at, offsets[0], offsets[len(offsets)-1]+1)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	answers := make([]analytics.Replayed, 0, len(offsets))
	for _, d := range decisions {
		if _, wanted := slices.BinarySearch(offsets, d.Cause.Offset); wanted {
			answers = append(answers, analytics.Replayed{Decision: d})
		}
	}
	return answers, nil
}

// readNotices needs no query: the verification holds all of a notice that ClickHouse does.
func (r *repairer) readNotices(_ context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error) {
	notices, answers := r.found.notices.of(at), make([]analytics.Replayed, 0, len(offsets))
	for _, offset := range offsets {
		i, _ := notices.index(offset)
		answers = append(answers, analytics.Replayed{Rule: notices.all[i].rule, Decision: schema.Decision{
			Cause:      schema.Position{Topic: at.Topic, Partition: at.Partition, Offset: offset},
			ReceivedAt: notices.all[i].receivedAt, Simulation: r.simulated,
		}})
	}
	return answers, nil
}
