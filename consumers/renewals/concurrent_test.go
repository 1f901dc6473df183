package renewals

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// uniqueViolation is the SQLSTATE of a key that is taken.
const uniqueViolation = "23505"

// Two batches renew the same residents at once, in opposite order. Neither waits
// for the other for ever, since both lock in key order, and neither loses what the
// other did.
func TestOppositeOrderNeitherDeadlocksNorLosesAnUpdate(t *testing.T) {
	t.Parallel()
	const residents, rounds = 200, 3
	for range rounds {
		r := newRecord(t)
		var known []facts
		var up, down []schema.Application
		for i := range residents {
			q := under2025().forResident(resident(i))
			q.a.Months, q.a.Insurance.To = 1, date("2030-01-01")
			known = append(known, q.f)
			up = append(up, anew(q.a, i))
			down = append(down, anew(q.a, residents+i))
		}
		slices.Reverse(down)
		r.register(known...)
		r.atOnce(r.decode(batch(0, log(0, up...)...)), r.decode(batch(1, log(0, down...)...)))
		r.wantLines(`SELECT concat_ws(' ', expires_on, count(*)) FROM residency GROUP BY expires_on`, "2026-06-10 200")
		r.wantLines(`SELECT concat_ws(' ', outcome, new_expiry, count(*)) FROM decision GROUP BY outcome, new_expiry ORDER BY new_expiry`,
			"approved 2026-05-10 200", "approved 2026-06-10 200")
	}
}

// atOnce commits batches in transactions that run beside one another.
func (r *record) atOnce(all ...*effects) {
	r.Helper()
	var group sync.WaitGroup
	begin := make(chan struct{})
	for _, e := range all {
		group.Go(func() {
			<-begin
			if err := r.commit(r.Context(), e); err != nil {
				r.Errorf("partition %d: %v", e.applications[0].at.Partition, err)
			}
		})
	}
	close(begin)
	group.Wait()
}

// readsTheTable keeps the planner from reading residencies by their key, which would
// give them in its order by chance.
const readsTheTable = `SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_mergejoin = off`

// Residencies are locked in the order of their keys, however they lie in the table
// and in the batch: one that waits has those below, and none of those above.
func TestLocksInKeyOrder(t *testing.T) {
	t.Parallel()
	const residents, held = 40, 15
	r := newRecord(t)
	var known []facts
	var applications []schema.Application
	for i := range residents {
		q := under2025().forResident(resident(i * 7 % residents)) // neither up nor down
		known, applications = append(known, q.f), append(applications, q.a)
	}
	r.register(known...)
	ids := r.lines(`SELECT civil_id::text FROM residency ORDER BY civil_id`)

	tx, err := r.db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM residency WHERE civil_id = $1::text::bigint FOR UPDATE`, ids[held]); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- pgx.BeginFunc(t.Context(), r.db, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), readsTheTable)
			return errors.Join(err, applyIn(t.Context(), tx, r.decode(batch(0, log(0, applications...)...))))
		})
	}()
	r.awaitWaiting()
	free := r.lines(`SELECT civil_id::text FROM residency ORDER BY civil_id FOR UPDATE SKIP LOCKED`)
	if !slices.Equal(free, ids[held+1:]) {
		t.Errorf("free are %v, want %v", free, ids[held+1:])
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A batch that finds a resident locked waits, and decides on what the other left.
func TestWaitsForTheOtherBatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		end    func(pgx.Tx, context.Context) error
		second string
	}{
		{"that commits", pgx.Tx.Commit, "1 0 first rejected {window_not_open,insurance_short} 2249-2025@3 20000 20000 2027-04-10 -"},
		{"that is rolled back", pgx.Tx.Rollback, "1 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			q := under2025()
			r.register(q.f)
			if err := r.behind(batch1(0, q.a), batch1(1, anew(q.a, 1)), c.end); err != nil {
				t.Fatal(err)
			}
			got := r.lines(decisionLines)
			if got[len(got)-1] != c.second {
				t.Errorf("the second is %s, want %s", got[len(got)-1], c.second)
			}
		})
	}
}

// One receipt for two residents, in two partitions at once: one is approved, and the other finds
// the receipt spent when it tries again. It does not matter which came first to Postgres.
func TestOneReceiptInTwoPartitionsAtOnce(t *testing.T) {
	t.Parallel()
	q, other := under2025(), under2025().forResident(otherCivilID)
	other.a.Fee.Receipt = q.a.Fee.Receipt
	for _, c := range []struct {
		name  string
		end   func(pgx.Tx, context.Context) error
		fails bool // at first: it could not see the other, and found the receipt spent
		want  []string
	}{
		{"that commits", pgx.Tx.Commit, true, []string{
			"0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10",
			"1 0 first rejected {receipt_used} 2249-2025@3 20000 20000 2026-04-10 -",
		}},
		{"that is rolled back", pgx.Tx.Rollback, false, []string{"1 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			r.register(q.f, other.f)
			err := r.behind(batch1(0, q.a), batch1(1, other.a), c.end)
			if failed := code(err) == uniqueViolation; failed != c.fails || !failed && err != nil {
				t.Fatalf("the second ended with %v", err)
			}
			if c.fails {
				if kind := consumers.KindOf(err); kind != consumers.Transient {
					t.Errorf("it is %s, and would not be tried again", kind)
				}
				r.apply(batch(1, log(0, other.a)...))
			}
			r.wantLines(decisionLines, c.want...)
		})
	}
}

// batch1 is one application in a partition.
func batch1(partition int, a schema.Application) oneMessage { return oneMessage{partition, a} }

type oneMessage struct {
	partition int
	a         schema.Application
}

func (m oneMessage) effects(r *record) *effects { return r.decode(batch(m.partition, log(0, m.a)...)) }

// behind applies the first, lets the second run into it, ends the first, and returns
// what became of the second.
func (r *record) behind(first, second oneMessage, end func(pgx.Tx, context.Context) error) error {
	r.Helper()
	ctx := r.Context()
	tx, err := r.db.Begin(ctx)
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // where the test fails before the end
	if err := applyIn(ctx, tx, first.effects(r)); err != nil {
		r.Fatalf("apply the first: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- r.commit(ctx, second.effects(r)) }()
	r.awaitWaiting()
	if err := end(tx, ctx); err != nil {
		r.Fatalf("end the first: %v", err)
	}
	return <-done
}

// awaitWaiting waits until a transaction in the test's database waits for a lock.
func (r *record) awaitWaiting() {
	r.Helper()
	const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	deadline := time.Now().Add(30 * time.Second)
	for ticker := time.NewTicker(5 * time.Millisecond); ; <-ticker.C {
		var n int
		if err := r.db.QueryRow(r.Context(), waiting).Scan(&n); err != nil {
			r.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			r.Fatal("nobody waits for a lock")
		}
	}
}

// One application id in two partitions at once: one is the first, and the other
// finds it when it tries again.
func TestSameIDInTwoPartitionsAtOnce(t *testing.T) {
	t.Parallel()
	q, other := under2025(), under2025().forResident(otherCivilID)
	other.a.ID = q.a.ID
	for _, c := range []struct {
		name   string
		second schema.Application
		fails  bool // at first: it could not see the other, and found its key taken
		want   string
	}{
		{"another resident's", other.a, true, "1 0 conflict rejected {application_conflict} 2249-2025@3 0 20000 - -"},
		{"the same", q.a, false, "1 0 resend approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRecord(t)
			r.register(q.f, other.f)
			second := batch1(1, c.second)
			err := r.behind(batch1(0, q.a), second, pgx.Tx.Commit)
			if failed := code(err) == uniqueViolation; failed != c.fails || !failed && err != nil {
				t.Fatalf("the second ended with %v", err)
			}
			if c.fails {
				r.apply(batch(1, log(0, c.second)...))
			}
			r.wantLines(decisionLines, "0 0 first approved {} 2249-2025@3 20000 20000 2026-04-10 2027-04-10", c.want)
			r.wantLines(applicationLines, fmt.Sprint("0 0 ", q.a.ID))
		})
	}
}

func code(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}
