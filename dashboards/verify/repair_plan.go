package verify

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/schema"
)

//go:embed delete.sql
var deleteStatement string

// mender mends what one look at everything found.
type repairer struct {
	*verifier
	found *verification
	run   string // names the blocks of this repair
	sink  *analytics.Sink
	stage *renewals.Stage
	done  Repair
}

func (m *repairer) repairAll(ctx context.Context) error {
	for p := range m.found.books.all {
		plan := m.plan(p)
		if plan.empty() {
			continue
		}
		if err := m.apply(ctx, plan); err != nil {
			return fmt.Errorf("%s/%d: %w", p.topic, p.Partition, err)
		}
	}
	return nil
}

// plan is what is to be done about one partition: offsets, in their order.
type plan struct {
	at     topicPartition
	remove []int64
	insert []int64
}

func (p *plan) empty() bool { return len(p.remove)+len(p.insert) == 0 }

// plan sorts what is wrong with a partition's rows. All rows of a decision whose are
// doubled or different are removed, exactly these, and the right one is inserted: a
// merge would rewrite the whole month and keep the row that came last, right or not.
func (m *repairer) plan(p *PartitionBooks) *plan {
	planned := &plan{at: topicPartition{p.topic, p.Partition}}
	otherwise, published := p.offsets(GapPublishedOtherwise), p.offsets(GapPublishedUnknown)
	for _, kind := range []GapKind{GapMissing, GapDoubled, GapDifferent} {
		for offset := range p.offsets(kind) {
			m.planRow(planned, kind, offset, !otherwise[offset] && m.analyticsPassed(planned.at, offset))
		}
	}
	for offset := range p.offsets(GapUnknown) {
		m.planUnknown(planned, offset, published[offset])
	}
	slices.Sort(planned.insert)
	return planned
}

// offsets are those of all gaps of some kinds.
func (p *PartitionBooks) offsets(kinds ...GapKind) map[int64]bool {
	offsets := map[int64]bool{}
	for _, g := range p.Gaps {
		for offset := g.From; slices.Contains(kinds, g.Kind) && offset <= g.To; offset++ {
			offsets[offset] = true
		}
	}
	return offsets
}

// planRow leaves alone what the record and the decisions topic don't agree on, and what
// the sink may still insert.
func (m *repairer) planRow(planned *plan, kind GapKind, offset int64, repairable bool) {
	switch {
	case !repairable:
		m.done.Left++
		return
	case kind == GapMissing:
		m.done.Inserted++
	default:
		m.done.Replaced++
		planned.remove = append(planned.remove, offset)
	}
	planned.insert = append(planned.insert, offset)
}

// passed says whether a decision lies on its topic and the sink has passed it: it will
// not insert it any more.
func (m *repairer) analyticsPassed(l topicPartition, offset int64) bool {
	e := m.found.decisions[l]
	i, known := e.index(offset)
	stands, claimed := m.found.marks.committed[l.partition]
	if !claimed {
		stands = m.found.marks.progress.readUpTo[l.partition]
	}
	return known && e.logOffsets[i] != notOnTopic && e.logOffsets[i] < stands
}

// planUnknown removes a row that nothing accounts for. If the decision lies on its
// topic, it is the record that may have lost it.
func (m *repairer) planUnknown(planned *plan, offset int64, published bool) {
	if published {
		m.done.Left++
		return
	}
	m.done.Removed++
	planned.remove = append(planned.remove, offset)
}

// repairPage is how many offsets are worked on at a time.
const repairPage = 10_000

func (m *repairer) apply(ctx context.Context, planned *plan) error {
	l := planned.at
	for offsets := range slices.Chunk(planned.remove, repairPage) {
		if err := m.clickhouse.Exec(ctx, deleteStatement, l.topic, int32(l.partition), offsets); err != nil {
			return fmt.Errorf("remove rows: %w", err)
		}
	}
	for len(planned.insert) > 0 {
		// A page is a stretch of the partition, so that one question answers it.
		n, _ := slices.BinarySearch(planned.insert, planned.insert[0]+repairPage)
		decisions, err := m.decisions(ctx, l, planned.insert[:n])
		if err != nil {
			return err
		}
		if err := m.sink.Replay(ctx, m.run, l.partition, decisions); err != nil {
			return err
		}
		planned.insert = planned.insert[n:]
	}
	return nil
}

// decisions reads decisions from the record as the stage announces them.
func (m *repairer) decisions(ctx context.Context, l topicPartition, offsets []int64) ([]analytics.Replayed, error) {
	messages, err := m.stage.Announced(ctx, m.postgres, l.partition, offsets[0], offsets[len(offsets)-1]+1)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	e := m.found.decisions[l]
	replayed := make([]analytics.Replayed, 0, len(offsets))
	for _, message := range messages {
		headers := make([]schema.Header, len(message.Headers))
		for i, h := range message.Headers {
			headers[i] = schema.Header{Key: h.Key, Value: h.Value}
		}
		d, err := schema.ReadDecision(message.Key, message.Value, headers)
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		if _, wanted := slices.BinarySearch(offsets, d.Cause.Offset); !wanted {
			continue
		}
		i, _ := e.index(d.Cause.Offset)
		replayed = append(replayed, analytics.Replayed{
			Decision: d, LogOffset: e.logOffsets[i], PublishedAt: time.UnixMilli(e.publishedAt[i]),
		})
	}
	return replayed, nil
}
