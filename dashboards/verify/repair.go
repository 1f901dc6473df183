package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
)

// Repair is what was done to ClickHouse.
type Repair struct {
	Inserted int64 `json:"inserted"` // rows that were missing
	Replaced int64 `json:"replaced"` // decisions whose rows were doubled or different
	Removed  int64 `json:"removed"`  // decisions that neither record nor topic knows
	// Left is what was found wrong and not touched: the record and the topic don't
	// agree on it, or the sink has not reached it.
	Left int64 `json:"left"`
}

func (r *Repair) changed() int64 { return r.Inserted + r.Replaced + r.Removed }

// repairLock is the advisory lock of the record under which ClickHouse is repaired:
// two at once would each insert what is missing.
const repairLock = 0x7a6a64_0001

// unlockWithin is how long the record may take to let go of the lock.
const unlockWithin = 5 * time.Second

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
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockWithin)
		defer cancel()
		// The end of the connection unlocks too, but only when the server has noticed.
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, repairLock); err != nil {
			_ = conn.Conn().Close(ctx)
		}
		conn.Release()
	}, nil
}

// repair verifies, mends what it finds in ClickHouse, and verifies again.
func (v *verifier) repair(ctx context.Context) (*Books, error) {
	unlock, err := lockRepair(ctx, v.postgres)
	if err != nil {
		return nil, err
	}
	defer unlock()
	found, err := v.verify(ctx)
	if err != nil {
		return nil, err
	}
	m := repairer{
		verifier: v, found: found, run: "repair/" + uuid.NewString(),
		sink:  analytics.New(v.topics, 0, v.clickhouse, nil, v.pseudonym, nil, prometheus.NewRegistry()),
		stage: renewals.New(v.topics.Submissions, nil, prometheus.NewRegistry()),
	}
	if err := m.repairAll(ctx); err != nil {
		return nil, fmt.Errorf("repair ClickHouse: %w", err)
	}
	if m.done.changed() > 0 {
		if found, err = v.verify(ctx); err != nil {
			return nil, err
		}
	}
	found.books.Repair = &m.done
	return found.books, nil
}
