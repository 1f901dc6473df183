package verify

import (
	"slices"

	"tajdeed/schema"
)

// plan is what is to be done about the rows that one partition has in one table.
type plan struct {
	remove []int64 // the causes whose rows are removed first
	insert []int64 // the causes for which a row is inserted then, in ascending order
}

// plan plans the repair of one partition's rows in the table, and counts it. The kinds are
// those of gaps on the decisions topic: what lies there otherwise, and what is unknown.
//
// If the rows of an answer are doubled or different, all of them are removed and the right
// one is inserted. Leaving it to a merge would not do: that would rewrite the whole month,
// and keep the row that came last, right or not.
func (t *tableRepair) plan(p *PartitionBooks, otherwise, unknown GapKind) *plan {
	planned := &plan{}
	publishedOtherwise, publishedUnknown := p.offsets(otherwise), p.offsets(unknown)
	for _, kind := range []GapKind{t.missing, t.doubled, t.different} {
		for offset := range p.offsets(kind) {
			t.planRow(planned, kind == t.missing, offset, !publishedOtherwise[offset] && t.analyticsPassed(offset))
		}
	}
	for offset := range p.offsets(t.unknown) {
		t.planUnknownRow(planned, offset, publishedUnknown[offset])
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

// planRow plans the repair of one answer's rows. It leaves alone what is not repairable: the
// record and the decisions topic don't agree on it, or the stage analytics may still insert
// it.
func (t *tableRepair) planRow(planned *plan, missing bool, offset int64, repairable bool) {
	switch {
	case !repairable:
		t.done.Left++
		return
	case missing:
		t.done.Inserted++
	default:
		t.done.Replaced++
		planned.remove = append(planned.remove, offset)
	}
	planned.insert = append(planned.insert, offset)
}

// analyticsPassed says whether an answer lies on its topic and the stage analytics has passed
// it: the stage will not insert it any more. The offset that the stage committed decides. Only
// where it has committed none, what ClickHouse shows has to do.
func (t *tableRepair) analyticsPassed(offset int64) bool {
	answersTo, _ := t.topics.AnswersTo(t.at.Topic)
	log := schema.TopicPartition{Topic: answersTo, Partition: t.at.Partition}
	passed, committed := t.found.marks.committed[log]
	if !committed {
		passed = t.found.marks.progress.decisions.readUpTo[log]
	}
	i, known := t.answers.index(offset)
	return known && t.answers.all[i].logOffset != notOnTopic && t.answers.all[i].logOffset < passed
}

// planUnknownRow removes the rows of an answer that the record does not hold. It leaves them
// alone if the answer lies on its topic: then the record may have lost it.
func (t *tableRepair) planUnknownRow(planned *plan, offset int64, published bool) {
	if published {
		t.done.Left++
		return
	}
	t.done.Removed++
	planned.remove = append(planned.remove, offset)
}
