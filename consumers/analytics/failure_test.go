package analytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tajdeed/consumers"
	"tajdeed/schema"
)

var errLost = errors.New("the connection broke")

// faulty is a connection that breaks: before a block is sent, or after, when the
// answer is lost. It asks which before each block.
type faulty struct {
	driver.Conn
	next func() fault
}

type fault int

const (
	none fault = iota
	breaksBefore
	losesAnswer
)

func (c faulty) PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error) {
	block, err := c.Conn.PrepareBatch(ctx, query, opts...)
	return faultyBlock{block, c.next()}, err
}

type faultyBlock struct {
	driver.Batch
	fault fault
}

func (b faultyBlock) Send() error {
	if b.fault == breaksBefore {
		return errors.Join(errLost, b.Abort())
	}
	err := b.Batch.Send()
	if b.fault == losesAnswer {
		err = errors.Join(err, errLost)
	}
	return err
}

// faults are what happens to one block after another; nothing happens to later
// ones.
func faults(list ...fault) func() fault {
	return func() fault {
		if len(list) == 0 {
			return none
		}
		first := list[0]
		list = list[1:]
		return first
	}
}

// A batch whose insertion failed is applied again until it stands there, once,
// whether or not ClickHouse had taken it.
func TestAppliedAgainAfterAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults []fault
	}{
		{"sent and not taken", []fault{breaksBefore}},
		{"taken, and the answer lost", []fault{losesAnswer}},
		{"everything, one after another", []fault{breaksBefore, losesAnswer, breaksBefore, losesAnswer, losesAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newDatabase(t)
			p := h.open(h.newStage(faulty{h.db, faults(c.faults...)}), 0)
			work := p.Prepare(batch(log(0, decisions(0, 100)...)...))
			for range c.faults {
				if err := work.Apply(t.Context()); !errors.Is(err, errLost) {
					t.Fatalf("apply: %v, want %v", err, errLost)
				}
			}
			if err := work.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.deliver(p, log(100, decisions(90, 120)...)...)
			h.exactly(120)
		})
	}
}

// A table that was dropped under the stage is a store that is away, whatever the stage
// asks of it, and the batch is in it once when a migration has made it again.
func TestAppliedWhenTheTableIsThereAgain(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	s := h.newStage(h.db)
	p := h.open(s, 0)
	work := p.Prepare(batch(log(0, decisions(0, 100)...)...))
	for _, sql := range []string{`CREATE TABLE aside AS decision`, `DROP TABLE decision SYNC`, `RENAME TABLE sink_position TO position_aside`} {
		if err := h.db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, _, errOpen := s.Open(t.Context(), consumers.Assignment{TopicPartition: at})
	for act, err := range map[string]error{
		"apply": work.Apply(t.Context()), "open": errOpen, "idle": p.Idle(t.Context(), decidedAt),
	} {
		if consumers.KindOf(err) != consumers.Systemic {
			t.Errorf("%s: %v, want an error of a store that is away", act, err)
		}
	}
	if err := h.db.Exec(t.Context(), `RENAME TABLE aside TO decision`); err != nil {
		t.Fatal(err)
	}
	if err := work.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.exactly(100)
}

// The same block under the same token is dropped, whoever sends it; another block
// is not.
func TestBlockSentTwice(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	w := h.open(h.newStage(h.db), 0).Prepare(batch(log(0, decisions(0, 100)...)...)).(*work)
	for range 2 {
		if err := h.newStage(h.db).insert(t.Context(), token(w.rows), w.rows); err != nil {
			t.Fatal(err)
		}
	}
	h.exactly(100)
	if err := h.newStage(h.db).insert(t.Context(), token(w.rows[:99]), w.rows[:99]); err != nil {
		t.Fatal(err)
	}
	if rows := h.lines(`SELECT toString(count()) FROM decision`); rows[0] != "199" {
		t.Errorf("%s rows: another block was taken for the same", rows[0])
	}
}

// acrossMonths are decisions of the last and first milliseconds of two months in
// Kuwait. Clocks of two workers differ, so the months alternate.
func acrossMonths(n int64) []schema.Decision {
	boundary := time.Date(2026, time.April, 1, 0, 0, 0, 0, schema.Kuwait)
	all := decisions(0, n)
	for i := range all {
		step := time.Duration(i) * time.Millisecond
		if all[i].DecidedAt = boundary.Add(step).UTC(); i/5%2 == 0 {
			all[i].DecidedAt = boundary.Add(-time.Second + step).UTC()
		}
	}
	return all
}

// A batch of two months stands in two parts of the table, each row once.
func TestTwoMonthsInOneBatch(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	p := h.open(h.newStage(faulty{h.db, faults(none, losesAnswer)}), 0)
	w := p.Prepare(batch(log(0, acrossMonths(20)...)...)).(*work)
	if n := sameBlock(w.rows); n != 5 {
		t.Errorf("the first block has %d rows, want 5", n)
	}
	if err := w.Apply(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if err := w.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.exactly(20)
	months := h.lines(`SELECT concat(partition, ' ', toString(sum(rows))) FROM system.parts
		WHERE database = currentDatabase() AND table = 'decision' AND active GROUP BY partition ORDER BY partition`)
	if fmt.Sprint(months) != "[202603 10 202604 10]" {
		t.Errorf("rows by month: %v", months)
	}
}

// A process that dies between the blocks of two months has lost nothing: the next
// goes on where it ended.
func TestDiesBetweenTwoMonths(t *testing.T) {
	t.Parallel()
	for after := range 4 {
		h := newDatabase(t)
		messages := log(0, acrossMonths(20)...)
		dies := make([]fault, after+1)
		dies[after] = breaksBefore
		p := h.open(h.newStage(faulty{h.db, faults(dies...)}), 0)
		if err := p.Prepare(batch(messages...)).Apply(t.Context()); !errors.Is(err, errLost) {
			t.Fatal(err)
		}
		next := int64(after * 5)
		h.deliver(h.open(h.newStage(h.db), next), messages[next:]...)
		h.exactly(20)
	}
}

// What cannot be read goes to the quarantine topic, bytes untouched, and the rest
// of its batch into the table.
func TestUnreadableAmongGoodOnes(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	messages := log(0, decisions(0, 5)...)
	unreadable := message(5, decision(5))
	unreadable.Value = []byte(`{"application_id": 7}`)
	elsewhere := decision(900)
	elsewhere.Cause.Partition++ // would hide all that come before 900
	another := decision(901)
	another.Cause.Topic = topics.Submissions("counter")
	messages = append(messages, unreadable, message(6, elsewhere), message(7, another))
	messages = append(messages, log(8, decisions(5, 10)...)...)

	h.publisher.fail = errLost
	work := h.open(h.newStage(h.db), 0).Prepare(batch(messages...))
	if err := work.Apply(t.Context()); !errors.Is(err, errLost) {
		t.Fatalf("apply: %v, want %v", err, errLost)
	}
	for range 2 { // the second time is a retry
		if err := work.Apply(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.exactly(10)
	h.wantQuarantined("application_id wrong_type", "cause.partition contradiction", "cause.topic contradiction")
	if string(h.publisher.messages[0].Value) != `{"application_id": 7}` || string(h.publisher.messages[0].Key) != civilID.String() {
		t.Errorf("the bytes were touched: %q", h.publisher.messages[0].Value)
	}
}

// wantQuarantined compares the fields and rules of what was quarantined.
func (h *database) wantQuarantined(want ...string) {
	h.Helper()
	var got []string
	for _, m := range h.publisher.messages {
		said := map[string]string{}
		for _, header := range m.Headers {
			said[header.Key] = string(header.Value)
		}
		if m.Topic != topics.Quarantine() {
			h.Errorf("quarantined in %q", m.Topic)
		}
		got = append(got, said[schema.HeaderQuarantineField]+" "+said[schema.HeaderQuarantineRule])
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.Errorf("quarantined %q, want %q", got, want)
	}
}

// Errors of an insertion name no person.
func TestErrorsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	p := h.open(h.newStage(h.db), 0)
	if err := h.db.Exec(t.Context(), `ALTER TABLE decision ADD CONSTRAINT none CHECK months > 100`); err != nil {
		t.Fatal(err)
	}
	err := p.Prepare(batch(log(0, decisions(0, 2)...)...)).Apply(t.Context())
	if err == nil {
		t.Fatal("nothing went wrong")
	}
	for _, secret := range []string{civilID.String(), fmt.Sprint(uint64(sponsorID))} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q names %q", err, secret)
		}
	}
}

// What a worker notes before it gives a partition up does not hide the block that it could
// not insert: the next would cut its own, and the rows of both would be there.
func TestIdleKeepsTheClaimOfAFailedBlock(t *testing.T) {
	t.Parallel()
	p := &stagePartition{
		stage: &Stage{watermarks: watermarks{every: watermarksEvery, waiting: map[schema.TopicPartition]watermark{}}}, claim: &consumers.Claim{}, // which cannot be written
		next: 10, claimed: 5, open: true,
	}
	if err := p.Idle(t.Context(), time.Time{}); err != nil {
		t.Error(err)
	}
	p.open = false
	defer func() {
		if recover() == nil {
			t.Error("the claim of what is done was not written, so this test shows nothing")
		}
	}()
	_ = p.Idle(t.Context(), time.Time{})
}
