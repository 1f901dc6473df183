package verify

import (
	"slices"

	"tajdeed/schema"
)

// plan is what is to be done about the rows of one partition in a table.
type plan struct {
	at     schema.TopicPartition
	remove []int64 // the causes whose rows are removed first
	insert []int64 // the causes for which a row is inserted then, in ascending order
}

// plan plans the repair of one partition's rows in a table, and counts it.
//
// If the rows of an answer are doubled or different, all of them are removed and the right
// one is inserted. Leaving it to a merge would not do: that would rewrite the whole month,
// and keep the row that came last, right or not.
func (r *repairer) plan(p *PartitionBooks, t repairedTable) *plan {
	planned := &plan{at: p.at()}
	different, unknown := p.offsets(t.publishedOtherwise), p.offsets(t.publishedUnknown)
	for _, kind := range []GapKind{t.missing, t.doubled, t.different} {
		for offset := range p.offsets(kind) {
			r.planRow(planned, kind == t.missing, offset, !different[offset] && r.analyticsPassed(planned.at, t.entries, offset))
		}
	}
	for offset := range p.offsets(t.unknown) {
		r.planUnknownRow(planned, offset, unknown[offset])
	}
	slices.Sort(planned.insert)
	return planned
}

// offsets returns the offsets of all gaps of a kind.
func (p *PartitionBooks) offsets(kind GapKind) map[int64]bool {
	offsets := map[int64]bool{}
	for _, g := range p.gapsOf(kind) {
		for offset := g.From; offset <= g.To; offset++ {
			offsets[offset] = true
		}
	}
	return offsets
}

// planRow plans the repair of one answer's rows. It leaves alone what is not
// repairable: the record and the decisions topic don't agree on it, or the stage analytics
// may still insert it.
func (r *repairer) planRow(planned *plan, missing bool, offset int64, repairable bool) {
	switch {
	case !repairable:
		r.done.Left++
		return
	case missing:
		r.done.Inserted++
	default:
		r.done.Replaced++
		planned.remove = append(planned.remove, offset)
	}
	planned.insert = append(planned.insert, offset)
}

// analyticsPassed says whether an answer lies on its topic and the stage analytics has
// passed it: the stage will not insert it any more. The offset that the stage committed
// decides. Only where it has committed none, what ClickHouse shows has to do.
func (r *repairer) analyticsPassed(at schema.TopicPartition, answers entriesOf, offset int64) bool {
	log, of := r.found.placeOf(at).log, answers.of(at)
	i, known := of.index(offset)
	passed, committed := r.found.marks.committed[log]
	if !committed {
		passed = r.found.marks.progress.decisions.readUpTo[log]
	}
	return known && of.all[i].logOffset != notOnTopic && of.all[i].logOffset < passed
}

// planUnknownRow removes the rows of an answer that the record does not hold. It leaves
// them alone if the answer lies on its topic: then the record may have lost it.
func (r *repairer) planUnknownRow(planned *plan, offset int64, published bool) {
	if published {
		r.done.Left++
		return
	}
	r.done.Removed++
	planned.remove = append(planned.remove, offset)
}
