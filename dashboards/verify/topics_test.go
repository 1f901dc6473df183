package verify

import (
	"slices"
	"testing"

	"tajdeed/schema"
)

// heldEntries are entries of some offsets that lie nowhere yet.
func heldEntries(offsets ...int64) *entries {
	e := &entries{}
	for _, offset := range offsets {
		e.add(entry{offset: offset, fingerprint: offset})
	}
	return e
}

// onTopic are messages of causes, in this order.
func onTopic(offsets ...int64) (all []announcement) {
	for i, offset := range offsets {
		all = append(all, announcement{causeOffset: offset, fingerprint: offset, logOffset: int64(i), notice: offset%10 == 2})
	}
	return all
}

// A partition's answers are compared with what lies on the decisions topic, decisions and
// notices among one another: every kind of difference is found, and what is not published yet
// is pending. Of the messages 0 to 5 the second cannot be read.
func TestComparesAnswers(t *testing.T) {
	t.Parallel()
	const published = 4
	changed := func(at int, change func(*announcement)) []announcement {
		all := onTopic(0, 1, 2, 3)
		change(&all[at])
		return all
	}
	for name, c := range map[string]struct {
		announced []announcement
		gaps      []Gap
		repeated  int64
		watermark int64
	}{
		"all that were published": {announced: onTopic(0, 1, 2, 3), watermark: 4},
		"all":                     {announced: onTopic(0, 1, 2, 3, 4), watermark: 5},
		"repeats":                 {announced: onTopic(0, 1, 2, 1, 2, 3), repeated: 2, watermark: 4},
		"a decision is missing":   {announced: onTopic(0, 2, 3), watermark: 4, gaps: []Gap{{GapNotPublished, 1, 1}}},
		"a notice is missing":     {announced: onTopic(0, 1, 3), watermark: 4, gaps: []Gap{{GapNoticeNotPublished, 2, 2}}},
		"a notice behind the next decision": {
			announced: onTopic(0, 1, 3, 2), watermark: 4, gaps: []Gap{{GapMisordered, 2, 2}},
		},
		"a decision behind the next notice": {
			announced: onTopic(0, 2, 1, 3), watermark: 4, gaps: []Gap{{GapMisordered, 1, 1}},
		},
		"another decision": {
			announced: changed(1, func(a *announcement) { a.fingerprint++ }), watermark: 4, gaps: []Gap{{GapPublishedOtherwise, 1, 1}},
		},
		"another person": {
			announced: changed(1, func(a *announcement) { a.person++ }), watermark: 4, gaps: []Gap{{GapPublishedOtherwise, 1, 1}},
		},
		"another revision": {
			announced: changed(1, func(a *announcement) { a.differs = true }), watermark: 4, gaps: []Gap{{GapPublishedOtherwise, 1, 1}},
		},
		"another notice": {
			announced: changed(2, func(a *announcement) { a.fingerprint++ }), watermark: 4, gaps: []Gap{{GapNoticeOtherwise, 2, 2}},
		},
		"a notice under another key": {
			announced: changed(2, func(a *announcement) { a.person++ }), watermark: 4, gaps: []Gap{{GapNoticeOtherwise, 2, 2}},
		},
		"a decision instead of a notice": {
			announced: changed(2, func(a *announcement) { a.notice = false }), watermark: 4,
			gaps: []Gap{{GapPublishedUnknown, 2, 2}, {GapNoticeNotPublished, 2, 2}},
		},
		"a notice instead of a decision": {
			announced: changed(1, func(a *announcement) { a.notice = true }), watermark: 4,
			gaps: []Gap{{GapNoticeUnknown, 1, 1}, {GapNotPublished, 1, 1}},
		},
		"some that the record does not hold": {
			announced: onTopic(0, 1, 2, 3, 9, 12), watermark: 4, gaps: []Gap{{GapPublishedUnknown, 9, 9}, {GapNoticeUnknown, 12, 12}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := PartitionBooks{Watermark: Watermark{Published: 5}}
			compareAnswers(&p, heldEntries(0, 1, 3, 4), heldEntries(2), c.announced, published)
			if !slices.Equal(p.Gaps, c.gaps) {
				t.Errorf("found %v, want %v", p.Gaps, c.gaps)
			}
			if p.Repeated != c.repeated || p.Watermark.Published != c.watermark || p.Pending.Publish != 5-c.watermark || p.Answers != p.Published+p.Notices {
				t.Errorf("%+v, published up to %d, want %d repeated, up to %d", p.Terms, p.Watermark.Published, c.repeated, c.watermark)
			}
		})
	}
}

// A partition's messages in quarantine are compared with the quarantine topic.
func TestComparesQuarantined(t *testing.T) {
	t.Parallel()
	other := onTopic(0, 1, 2, 3)
	other[2].fingerprint = 7
	for name, c := range map[string]struct {
		announced []announcement
		gaps      []Gap
		pending   int64
	}{
		"all that were published":           {announced: onTopic(0, 1, 2, 3), pending: 1},
		"all":                               {announced: onTopic(0, 1, 2, 3, 4)},
		"one is missing":                    {announced: onTopic(0, 1, 3), gaps: []Gap{{GapQuarantineNotPublished, 2, 2}}, pending: 1},
		"out of order":                      {announced: onTopic(0, 2, 1, 3), gaps: []Gap{{GapQuarantineMisordered, 1, 1}}, pending: 1},
		"another reason":                    {announced: other, gaps: []Gap{{GapQuarantineOtherwise, 2, 2}}, pending: 1},
		"one that the record does not hold": {announced: onTopic(0, 1, 2, 3, 9), gaps: []Gap{{GapQuarantineUnknown, 9, 9}}, pending: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := PartitionBooks{Watermark: Watermark{Published: 5}}
			compareQuarantined(&p, heldEntries(0, 1, 2, 3, 4), c.announced, 4)
			if !slices.Equal(p.Gaps, c.gaps) || p.Pending.Quarantine != c.pending || p.Repeated != 0 {
				t.Errorf("found %v, %+v, want %v, %d pending", p.Gaps, p.Terms, c.gaps, c.pending)
			}
		})
	}
}

// The offsets that were consumed are those that were decided or quarantined, once.
func TestComparesOffsets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		decisions, quarantined *entries
		gaps                   []Gap
	}{
		"all":              {heldEntries(2, 4, 5), heldEntries(3), nil},
		"in another order": {heldEntries(3), heldEntries(2, 4, 5), nil},
		"none":             {heldEntries(), heldEntries(), []Gap{{GapUnaccounted, 2, 5}}},
		"some are lost":    {heldEntries(3), heldEntries(), []Gap{{GapUnaccounted, 2, 2}, {GapUnaccounted, 4, 5}}},
		"twice":            {heldEntries(2, 3, 4, 5), heldEntries(3), []Gap{{GapTwice, 3, 3}}},
		"outside":          {heldEntries(1, 2, 3, 4, 5), heldEntries(6), []Gap{{GapNotConsumed, 1, 1}, {GapNotConsumed, 6, 6}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := PartitionBooks{First: 2, Next: 6}
			if p.compareOffsets(c.decisions, c.quarantined); !slices.Equal(p.Gaps, c.gaps) {
				t.Errorf("found %v, want %v", p.Gaps, c.gaps)
			}
		})
	}
}

// The notices of a batch are inserted before its decisions: the highest that is there says
// nothing about the decisions before it.
func TestLimits(t *testing.T) {
	t.Parallel()
	at, log := schema.TopicPartition{Topic: "s", Partition: 1}, schema.TopicPartition{Topic: "d", Partition: 1}
	answers := heldEntries(0, 1, 2, 3)
	for i := range answers.all[:3] {
		answers.all[i].logOffset = int64(10 + i)
	}
	for name, c := range map[string]struct {
		highest, readUpTo, want int64
	}{
		"nothing is there": {-1, 0, 0}, "read up to one": {-1, 11, 1}, "read to the end": {-1, 99, 3},
		"the highest": {1, 0, 2}, "read beyond the highest": {1, 13, 3}, "a highest that is unknown": {7, 12, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReached()
			r.readUpTo[log] = c.readUpTo
			if c.highest >= 0 {
				r.highest[at] = c.highest
			}
			if limit := r.limit(at, log, answers); limit != c.want {
				t.Errorf("%d, want %d", limit, c.want)
			}
		})
	}
}
