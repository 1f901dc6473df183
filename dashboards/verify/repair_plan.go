package verify

import "slices"

// plan is what is to be done about the rows of one partition.
type plan struct {
	at     topicPartition
	remove []int64 // the causes whose rows are removed first
	insert []int64 // the causes for which a row is inserted then, in ascending order
}

// plan plans the repair of one partition, and counts it.
//
// If the rows of a decision are doubled or different, all of them are removed and the right
// one is inserted. Leaving it to a merge would not do: that would rewrite the whole month,
// and keep the row that came last, right or not.
func (r *repairer) plan(p *PartitionBooks) *plan {
	planned := &plan{at: topicPartition{p.topic, p.Partition}}
	different, unknown := p.offsets(GapPublishedOtherwise), p.offsets(GapPublishedUnknown)
	for _, kind := range []GapKind{GapMissing, GapDoubled, GapDifferent} {
		for offset := range p.offsets(kind) {
			r.planRow(planned, kind, offset, !different[offset] && r.analyticsPassed(planned.at, offset))
		}
	}
	for offset := range p.offsets(GapUnknown) {
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

// planRow plans the repair of one decision's rows. It leaves alone what is not
// repairable: the record and the decisions topic don't agree on it, or the stage analytics
// may still insert it.
func (r *repairer) planRow(planned *plan, kind GapKind, offset int64, repairable bool) {
	switch {
	case !repairable:
		r.done.Left++
		return
	case kind == GapMissing:
		r.done.Inserted++
	default:
		r.done.Replaced++
		planned.remove = append(planned.remove, offset)
	}
	planned.insert = append(planned.insert, offset)
}

// analyticsPassed says whether a decision lies on its topic and the stage analytics has
// passed it: the stage will not insert it any more. The offset that the stage committed
// decides. Only where it has committed none, what ClickHouse shows has to do.
func (r *repairer) analyticsPassed(at topicPartition, offset int64) bool {
	decisions := r.found.decisions[at]
	i, known := decisions.index(offset)
	passed, committed := r.found.marks.committed[at.partition]
	if !committed {
		passed = r.found.marks.progress.readUpTo[at.partition]
	}
	return known && decisions.logOffsets[i] != notOnTopic && decisions.logOffsets[i] < passed
}

// planUnknownRow removes the rows of a decision that the record does not hold. It leaves
// them alone if the decision lies on its topic: then the record may have lost it.
func (r *repairer) planUnknownRow(planned *plan, offset int64, published bool) {
	if published {
		r.done.Left++
		return
	}
	r.done.Removed++
	planned.remove = append(planned.remove, offset)
}
