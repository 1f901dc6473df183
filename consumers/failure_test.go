package consumers_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/segmentio/kafka-go"

	"tajdeed/consumers"
	"tajdeed/schema"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	state := func(code string) error { return fmt.Errorf("write: %w", &pgconn.PgError{Code: code}) }
	cases := []struct {
		name string
		err  error
		want consumers.Kind
	}{
		{"deadlock", state("40P01"), consumers.Transient},
		{"serialization failure", state("40001"), consumers.Transient},
		{"lock not available", state("55P03"), consumers.Transient},
		{"statement timeout", state("57014"), consumers.Transient},
		{"the same id in two partitions", state("23505"), consumers.Transient},
		{"check violated", state("23514"), consumers.Refused},
		{"not null violated", state("23502"), consumers.Refused},
		{"character not in repertoire", state("22021"), consumers.Refused},
		{"number out of range", state("22003"), consumers.Refused},
		{"index row too large", state("54000"), consumers.Refused},
		{"server stops", state("57P01"), consumers.Systemic},
		{"server starts", state("57P03"), consumers.Systemic},
		{"disk full", state("53100"), consumers.Systemic},
		{"too many connections", state("53300"), consumers.Systemic},
		{"read only", state("25006"), consumers.Systemic},
		{"connection failure", state("08006"), consumers.Systemic},
		{"table gone", state("42P01"), consumers.Transient},
		{"connection refused", &net.OpError{Op: "dial", Err: errors.New("refused")}, consumers.Systemic},
		{"answer cut off", fmt.Errorf("read: %w", io.ErrUnexpectedEOF), consumers.Systemic},
		{"no answer in time", context.DeadlineExceeded, consumers.Systemic},
		{"gap", fmt.Errorf("fetch: %w", consumers.ErrGap), consumers.Stopped},
		{"flood", consumers.ErrFlood, consumers.Stopped},
		{"marked by a stage", &consumers.RefusedError{Err: errors.New("no")}, consumers.Refused},
		{"unknown", errors.New("no idea"), consumers.Transient},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := consumers.KindOf(tc.err); got != tc.want {
				t.Errorf("KindOf(%v) = %s, want %s", tc.err, got, tc.want)
			}
		})
	}
}

// Messages that Postgres refuses are found by halving, and only they are quarantined; the
// others take effect, in order, in few transactions.
func TestRefusedMessagesAreIsolated(t *testing.T) {
	b := setup(t, 1)
	const n = 1000
	cursed := map[int]bool{0: true, 17: true, 18: true, 500: true, 999: true}
	messages := make([]kafka.Message, n)
	for i := range messages {
		messages[i].Value = []byte(strconv.Itoa(i))
		if cursed[i] {
			messages[i].Value = []byte("cursed")
		}
	}
	b.send(0, messages...)
	var transactions atomic.Int64
	stage := b.tally()
	stage.before = func(context.Context, pgx.Tx, *consumers.Batch) error {
		transactions.Add(1)
		return nil
	}
	config := b.config()
	config.BatchMessages = n
	w := b.start(b.ledger(stage), config)
	b.drained(n)
	if rows := b.count(`SELECT count(*) FROM tally`); rows != n-int64(len(cursed)) {
		t.Errorf("%d rows, want %d", rows, n-len(cursed))
	}
	if unordered := b.count(`SELECT count(*) FROM (SELECT "offset" < lag("offset") OVER (ORDER BY seq) AS back FROM tally) AS t WHERE back`); unordered != 0 {
		t.Errorf("%d messages took effect before an earlier one", unordered)
	}
	// 5 messages, each alone after at most 10 halvings, two transactions at each.
	if most := int64(len(cursed) * 2 * 11); transactions.Load() > most {
		t.Errorf("%d transactions for %d refused messages, want at most %d", transactions.Load(), len(cursed), most)
	}
	aside := b.read(b.quarantine, 0)
	if len(aside) != len(cursed) {
		t.Fatalf("%d messages in quarantine, want %d", len(aside), len(cursed))
	}
	for _, m := range aside {
		headers := map[string]string{}
		for _, h := range m.Headers {
			headers[h.Key] = string(h.Value)
		}
		offset, _ := strconv.Atoi(headers[schema.HeaderOriginOffset])
		if string(m.Value) != "cursed" || !cursed[offset] || headers[schema.HeaderQuarantineRule] != "not_storable" ||
			headers[schema.HeaderQuarantineDetail] != "SQLSTATE 23514" {
			t.Errorf("quarantined %q with %v", m.Value, headers)
		}
	}
	eventually(t, w.Ready)
}

// A partition that would mostly go to quarantine stops; what is already through
// stays, and a higher limit lets the rest pass.
func TestFloodStopsThePartition(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 100)
	poison := make([]kafka.Message, 300)
	for i := range poison {
		poison[i].Value = []byte("poison")
	}
	w := b.start(b.ledger(b.tally()), b.config())
	b.drained(100)
	b.send(0, poison...)
	eventually(t, func() error {
		if err := w.Ready(); !errors.Is(err, consumers.ErrFlood) {
			return fmt.Errorf("ready says %w", err)
		}
		return nil
	})
	if n := b.count(`SELECT count(*) FROM quarantined`); n >= 150 {
		t.Errorf("%d messages were quarantined before the partition stopped", n)
	}
	w.stop(t)
	config := b.config()
	config.QuarantineLimit = 1
	b.start(b.ledger(b.tally()), config)
	b.drained(400)
	if n := b.count(`SELECT count(*) FROM quarantined`); n != 300 {
		t.Errorf("%d messages in quarantine, want 300", n)
	}
	b.exactly(100)
}

// A deadlock is tried again at once and nobody is told.
func TestDeadlockIsTriedAgain(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 10)
	var attempts atomic.Int64
	stage := b.tally()
	stage.before = func(context.Context, pgx.Tx, *consumers.Batch) error {
		if attempts.Add(1) == 1 {
			return &pgconn.PgError{Code: "40P01"}
		}
		return nil
	}
	b.start(b.ledger(stage), b.config())
	b.drained(10)
	b.exactly(10)
}

// A worker that is told to stop in the middle of a batch finishes that batch, announces it
// and notes that.
func TestStopEndsTheBatchInFlight(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 50)
	entered, leave := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	stage := b.tally()
	stage.before = func(context.Context, pgx.Tx, *consumers.Batch) error {
		if once.CompareAndSwap(false, true) {
			close(entered)
			<-leave
		}
		return nil
	}
	w := b.start(b.ledger(stage), b.config())
	<-entered
	w.cancel()
	close(leave)
	w.stop(t)
	b.exactly(50)
	if n := b.count(`SELECT published_offset FROM position`); n != 50 {
		t.Errorf("announced up to %d, want 50", n)
	}
}

// A worker that cannot finish its batch gives up at its deadline, and the next one goes on
// from where the position stands.
func TestStopKeepsItsDeadline(t *testing.T) {
	b := setup(t, 1)
	b.publish(0, 50)
	entered := make(chan struct{}, 1)
	stage := b.tally()
	stage.before = func(ctx context.Context, _ pgx.Tx, _ *consumers.Batch) error {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return ctx.Err()
	}
	config := b.config()
	config.DrainTimeout = time.Second
	w := b.start(b.ledger(stage), config)
	<-entered
	begin := time.Now()
	w.stop(t)
	if took := time.Since(begin); took < config.DrainTimeout {
		t.Errorf("gave up after %s, before the deadline of %s", took, config.DrainTimeout)
	}
	b.start(b.ledger(b.tally()), b.config())
	b.drained(50)
	b.exactly(50)
}
