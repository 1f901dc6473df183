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
	//go:embed delete_decisions.sql
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
		analytics: analytics.New(analytics.Config{
			Topics: v.topics, DB: v.clickhouse, Pseudonym: v.pseudonym, Simulation: v.simulated,
		}, prometheus.NewRegistry()),
		renewals: renewals.New(renewals.Config{Topics: v.topics, Simulation: v.simulated}, prometheus.NewRegistry()),
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

// repairAll repairs both tables, the partitions one after another.
func (r *repairer) repairAll(ctx context.Context) error {
	for p := range r.found.books.all {
		decisions := tableRepair{
			repairer: r, rowTable: &decisionTable, at: p.at(), answers: r.found.decisions.of(p.at()),
			delete: deleteDecisions, read: r.readDecisions,
		}
		unreadable := tableRepair{
			repairer: r, rowTable: &unreadableTable, at: p.at(), answers: r.found.notices.of(p.at()),
			delete: deleteUnreadable, read: r.readNotices,
		}
		if err := decisions.repair(ctx, decisions.plan(p, GapPublishedOtherwise, GapPublishedUnknown)); err != nil {
			return fmt.Errorf("decisions of %s: %w", p.at(), err)
		}
		if err := unreadable.repair(ctx, unreadable.plan(p, GapNoticeOtherwise, GapNoticeUnknown)); err != nil {
			return fmt.Errorf("unreadable messages of %s: %w", p.at(), err)
		}
	}
	return nil
}

// tableRepair repairs what one partition has in one table.
type tableRepair struct {
	*repairer
	*rowTable

	at      schema.TopicPartition
	answers *entries // as the verification found them
	delete  string   // the statement
	read    func(ctx context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error)
}

// repairPage is how many offsets are repaired by one statement.
const repairPage = 10_000

func (t *tableRepair) repair(ctx context.Context, planned *plan) error {
	for offsets := range slices.Chunk(planned.remove, repairPage) {
		if err := t.clickhouse.Exec(ctx, t.delete, t.at.Topic, int32(t.at.Partition), offsets); err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	return t.insertRows(ctx, planned.insert)
}

func (t *tableRepair) insertRows(ctx context.Context, insert []int64) error {
	answersTo, _ := t.topics.AnswersTo(t.at.Topic)
	log := schema.TopicPartition{Topic: answersTo, Partition: t.at.Partition}
	for len(insert) > 0 {
		// A page spans no more than repairPage offsets, so that one query reads it.
		n, _ := slices.BinarySearch(insert, insert[0]+repairPage)
		answers, err := t.read(ctx, t.at, insert[:n])
		if err != nil {
			return err
		}
		for i := range answers {
			at, _ := t.answers.index(answers[i].Cause.Offset)
			e := &t.answers.all[at]
			answers[i].LogOffset, answers[i].PublishedAt = e.logOffset, time.UnixMilli(e.publishedAt)
		}
		if err := t.analytics.Replay(ctx, t.run, log, answers); err != nil {
			return err
		}
		insert = insert[n:]
	}
	return nil
}

// readDecisions reads decisions of a partition from the record, as the stage renewals announces
// them.
func (r *repairer) readDecisions(ctx context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error) {
	all, err := r.renewals.Decisions(ctx, r.postgres, at, offsets[0], offsets[len(offsets)-1]+1)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	decisions := make([]analytics.Replayed, 0, len(offsets))
	for _, d := range all {
		if _, wanted := slices.BinarySearch(offsets, d.Cause.Offset); wanted {
			decisions = append(decisions, analytics.Replayed{Decision: d})
		}
	}
	return decisions, nil
}

// readNotices returns messages of a partition that cannot be read, as the record held them
// when it was verified.
func (r *repairer) readNotices(_ context.Context, at schema.TopicPartition, offsets []int64) ([]analytics.Replayed, error) {
	notices := r.found.notices.of(at)
	answers := make([]analytics.Replayed, len(offsets))
	for i, offset := range offsets {
		known, _ := notices.index(offset)
		u := notices.all[known].notice
		answers[i] = analytics.Replayed{
			Decision: schema.Decision{Cause: u.Cause, ReceivedAt: u.ReceivedAt, Simulation: u.Simulation}, Rule: u.Rule,
		}
	}
	return answers, nil
}
