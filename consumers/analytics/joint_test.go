package analytics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tajdeed/consumers"
	"tajdeed/schema"
	"tajdeed/schema/kafkatest"
)

// joined are partitions of one worker, each with the same decisions, and a message that
// cannot be read.
type joined struct {
	*database
	stage *Stage
	works []consumers.Work
}

// of returns what lies in a partition: decisions, and at the end a message that cannot be
// read.
func of(partition int, decisions ...schema.Decision) *consumers.Batch {
	for i := range decisions {
		decisions[i].Cause.Partition = partition
	}
	messages := log(0, decisions...)
	n := int64(len(decisions))
	notice := unreadableIn(partition, n, n)
	b := batch(append(messages, notice)...)
	b.Partition = partition
	return b
}

func (h *database) join(stage *Stage, batches ...*consumers.Batch) *joined {
	j := &joined{database: h, stage: stage}
	for _, b := range batches {
		j.works = append(j.works, h.take(stage, b.Partition, nil).Prepare(b))
	}
	return j
}

// take takes a partition over from its start, where a claim names the block that its rows may
// be in.
func (h *database) take(stage *Stage, partition int, block *jointBlock) *stagePartition {
	p := &stagePartition{
		logPartition: stage.logPartition(schema.TopicPartition{Topic: at.Topic, Partition: partition}),
		stage:        stage, highest: map[string]int64{},
	}
	if block != nil {
		p.joint = &jointBlock{token: block.token}
	}
	return p
}

func (j *joined) apply() error { return j.stage.Join(j.works).Apply(j.Context()) }

// block is the one that the works were last sent with.
func (j *joined) block() *jointBlock { return j.works[0].(*work).joint }

// each fails unless each of the partitions has n decisions and a message that cannot be read,
// once.
func (h *database) each(n, partitions int) {
	h.Helper()
	for table, n := range map[string]int{"decision": n, "unreadable": 1} {
		var want []string
		for p := range partitions {
			want = append(want, fmt.Sprintf("%d: %d, %d", p, n, n))
		}
		got := h.lines(`SELECT format('{}: {}, {}', toString(log_partition), toString(count()), toString(uniqExact(cause_offset)))
			FROM ` + table + ` GROUP BY log_partition ORDER BY log_partition`)
		if !slices.Equal(got, want) {
			h.Errorf("rows of each partition in %s, and how many are different: %q, want %q", table, got, want)
		}
	}
}

// What several partitions bring is one block in each table.
func TestJointBlock(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	j := h.join(h.newStage(h.db), of(0, decisions(0, 50)...), of(1, decisions(0, 50)...), of(2, decisions(0, 50)...))
	for range 2 { // the second time there is nothing to do
		if err := j.apply(); err != nil {
			t.Fatal(err)
		}
	}
	h.each(50, 3)
	for _, table := range []string{"decision", "unreadable"} {
		if parts := h.lines(`SELECT DISTINCT _part FROM ` + table); len(parts) != 1 {
			t.Errorf("%s has the parts %q, want one", table, parts)
		}
	}
}

// A joint block whose insertion failed is sent again until it stands there, once.
func TestJointBlockAgainAfterAnError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults []fault
	}{
		{"the first table's was not taken", []fault{breaksBefore}},
		{"the first table's answer was lost", []fault{losesAnswer}},
		{"the second table's was not taken", []fault{none, breaksBefore}},
		{"the second table's answer was lost", []fault{none, losesAnswer}},
		{"everything, one after another", []fault{breaksBefore, losesAnswer, none, breaksBefore, losesAnswer, losesAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newDatabase(t)
			j := h.join(h.newStage(faulty{h.db, faults(c.faults...)}), of(0, decisions(0, 50)...), of(1, decisions(0, 50)...))
			for range c.faults {
				if err := j.apply(); err == nil {
					break
				} else if !errors.Is(err, errLost) {
					t.Fatal(err)
				}
			}
			if err := j.apply(); err != nil {
				t.Fatal(err)
			}
			h.each(50, 2)
			if parts := h.lines(`SELECT DISTINCT _part FROM decision`); len(parts) != 1 {
				t.Errorf("parts %q: the works were not sent as the same block again", parts)
			}
		})
	}
}

// A round that is tried again without one of its partitions, which another worker has by now,
// is another block. Whether the first was taken or not, each row goes in once.
func TestJointBlockWithoutAPartition(t *testing.T) {
	t.Parallel()
	for _, last := range []fault{breaksBefore, losesAnswer} {
		for table := range 2 {
			h := newDatabase(t)
			j := h.join(h.newStage(faulty{h.db, faults(append(make([]fault, table), last)...)}), of(0, decisions(0, 50)...), of(1, decisions(0, 50)...), of(2, decisions(0, 50)...))
			if err := j.apply(); !errors.Is(err, errLost) {
				t.Fatal(err)
			}
			block := j.block()
			lost := j.works[2].(*work)
			j.works = j.works[:2]
			if err := j.apply(); err != nil {
				t.Fatal(err)
			}
			if lost.done {
				t.Error("the rows of the partition that was lost were sent again, under a claim that cannot be written")
			}
			if err := h.take(h.newStage(h.db), 2, block).Prepare(lost.batch).Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.each(50, 3)
		}
	}
}

// Where a joint block brought in a partition's rows of one table and not of the other, the claim
// goes on naming it: the next worker, which knows nothing else, would insert the former again.
func TestClaimOfAHalfSettledBlock(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	batches := []*consumers.Batch{of(0, decisions(0, 50)...), of(1, decisions(0, 50)...)}
	j := h.join(h.newStage(faulty{h.db, faults(none, breaksBefore)}), batches...) // dies between the two
	if err := j.apply(); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	block := j.block()
	if err := h.take(h.newStage(h.db), 1, block).Prepare(batches[1]).Apply(t.Context()); err != nil { // has the decisions' token
		t.Fatal(err)
	}
	// The other partition's next worker dies when it has claimed what is left.
	w := h.take(h.newStage(faulty{h.db, faults(none, breaksBefore)}), 0, block).Prepare(batches[0]).(*work)
	if err := w.Apply(t.Context()); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	_, token, err := claimed(w.batch.From, w.note())
	if err != nil || token != block.token {
		t.Errorf("the claim names the block %q (%v), want %q", token, err, block.token)
	}
	if err := h.take(h.newStage(h.db), 0, &jointBlock{token: token}).Prepare(batches[0]).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.each(50, 2)
}

// Whoever takes the partitions of a joint block over, in whatever order, and whenever the block
// of the frozen worker arrives, each row goes in once, and again takeovers change nothing.
func TestJointBlockArrivesLate(t *testing.T) {
	t.Parallel()
	const arrives = 3 // the events before it are takeovers of a partition
	for _, order := range permutations([]int{0, 1, 2, arrives}) {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			h := newDatabase(t)
			connection, batches := freeze(h.db), make([]*consumers.Batch, 3)
			for p := range batches {
				batches[p] = of(p, decisions(0, 50)...)
			}
			j := h.join(h.newStage(freezeDecisions{connection}), batches...)
			ctx, cancel := context.WithCancel(t.Context())
			failed := make(chan error)
			go func() { failed <- j.stage.Join(j.works).Apply(ctx) }()
			<-connection.entered
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			block := j.block()
			for range 2 {
				for _, event := range order {
					if event < arrives {
						if err := h.take(h.newStage(h.db), event, block).Prepare(batches[event]).Apply(t.Context()); err != nil {
							t.Fatal(err)
						}
					} else if err := connection.arrive(); err != nil {
						t.Fatalf("the frozen block did not arrive, so this test shows nothing: %v", err)
					}
				}
			}
			h.each(50, 3)
		})
	}
}

// freezeDecisions freezes the first block of decisions.
type freezeDecisions struct{ *frozen }

func (f freezeDecisions) PrepareBatch(ctx context.Context, query string, opts ...chdriver.PrepareBatchOption) (chdriver.Batch, error) {
	if query != insertDecisions {
		return f.Conn.PrepareBatch(ctx, query, opts...)
	}
	return f.frozen.PrepareBatch(ctx, query, opts...)
}

func permutations(of []int) (all [][]int) {
	if len(of) == 0 {
		return [][]int{nil}
	}
	for i, first := range of {
		for _, rest := range permutations(slices.Delete(slices.Clone(of), i, i+1)) {
			all = append(all, append([]int{first}, rest...))
		}
	}
	return all
}

// The same with takeovers that break off anywhere.
func TestJointBlockAndBrokenTakeovers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h, rng := newDatabase(t), rand.New(rand.NewPCG(seed, 5))
			var first []fault
			for range 3 {
				first = append(first, fault(rng.IntN(3)))
			}
			batches := []*consumers.Batch{of(0, decisions(0, 50)...), of(1, decisions(0, 50)...), of(2, decisions(0, 50)...)}
			j := h.join(h.newStage(faulty{h.db, faults(first...)}), batches...)
			var block *jointBlock // as the claims name it
			for attempts := rng.IntN(3); attempts >= 0 && j.apply() != nil; attempts-- {
				block = j.block()
			}
			if block == nil {
				h.each(50, 3) // it went in at once
				return
			}
			for done := map[int]bool{}; len(done) < 3; {
				partition, left := rng.IntN(3), rng.IntN(6)
				broken := func() fault { // also in what is asked
					if left--; left < 0 {
						return none
					}
					return fault(rng.IntN(3))
				}
				err := h.take(h.newStage(faulty{h.db, broken}), partition, block).Prepare(batches[partition]).Apply(t.Context())
				switch {
				case err == nil:
					done[partition] = true
				case !errors.Is(err, errLost):
					t.Fatal(err)
				}
			}
			h.each(50, 3)
		})
	}
}

// A worker that was stopped while it inserted a block of several partitions, and goes on after
// others have those, adds nothing, and nothing is missing: each partition's claim names the
// block.
func TestFrozenJointBlock(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	named, created := kafkatest.NewInstallation(t, 3, channel)
	var published int64 // in each partition
	publish := func(n int64) {
		for p := range 3 {
			lie := decisions(published, published+n)
			for i := range lie {
				lie[i].Cause.Partition = p
			}
			produce(t, created, named.Decisions(channel), p, lie)
		}
		published += n
	}
	connection := &freezeJoint{frozen: freeze(h.db)}
	first := h.engine(t, connection, created.Brokers, named, 1000)
	for frozen := false; !frozen; { // a round may have one partition only
		publish(50)
		select {
		case <-connection.entered:
			frozen = true
		default:
		}
	}
	first.stop()
	publish(400)
	second := h.engine(t, h.db, created.Brokers, named, 170)
	third := h.engine(t, h.db, created.Brokers, named, 230)
	h.eventually(3 * uint64(published))
	if err := connection.arrive(); err != nil {
		t.Fatalf("the frozen block did not arrive, so this test shows nothing: %v", err)
	}
	want := fmt.Sprint(3*published, " ", 3*published)
	if got := h.lines(`SELECT concat(toString(count()), ' ', toString(uniqExact(cause_partition, cause_offset))) FROM decision`); got[0] != want {
		t.Errorf("rows, and how many are different: %s, want %s", got[0], want)
	}
	second.stop()
	third.stop()
}

// freezeJoint freezes the first block that has rows of more than one partition.
type freezeJoint struct{ *frozen }

func (f *freezeJoint) PrepareBatch(ctx context.Context, query string, opts ...chdriver.PrepareBatchOption) (chdriver.Batch, error) {
	batch, err := f.Conn.PrepareBatch(context.WithoutCancel(ctx), query, opts...)
	return &watchedBatch{Batch: batch, ctx: ctx, conn: f.frozen}, err
}

// watchedBatch is frozen at Send if it is the first with several partitions.
type watchedBatch struct {
	chdriver.Batch
	ctx    context.Context
	conn   *frozen
	joint  bool
	frozen bool
}

// logPartitionColumn is where insert.sql has log_partition.
const logPartitionColumn = 4

func (b *watchedBatch) Column(i int) chdriver.BatchColumn {
	column := b.Batch.Column(i)
	if i == logPartitionColumn {
		return watchedColumn{column, b}
	}
	return column
}

type watchedColumn struct {
	chdriver.BatchColumn
	batch *watchedBatch
}

func (c watchedColumn) Append(values any) error {
	partitions := values.([]int32)
	c.batch.joint = slices.ContainsFunc(partitions, func(p int32) bool { return p != partitions[0] })
	return c.BatchColumn.Append(values)
}

func (b *watchedBatch) Send() error {
	if b.joint && b.conn.used.CompareAndSwap(false, true) {
		b.frozen = true
		return (&frozenBatch{Batch: b.Batch, conn: b.conn, ctx: b.ctx}).Send()
	}
	return b.Batch.Send()
}

func (b *watchedBatch) Close() error {
	if b.frozen {
		return nil
	}
	return b.Batch.Close()
}
