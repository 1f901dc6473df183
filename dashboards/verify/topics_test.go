package verify

import (
	"slices"
	"testing"
)

// A partition's decisions and messages in quarantine are compared with what lies on their
// topics: every kind of difference is found, and what is not published yet is pending.
func TestComparesWithTopics(t *testing.T) {
	t.Parallel()
	const topic, published = "t.submissions.counter", 4
	onTopic := func(offsets ...int64) (all []announcement) {
		for i, offset := range offsets {
			all = append(all, announcement{causeOffset: offset, fingerprint: offset, logOffset: int64(i)})
		}
		return all
	}
	other, another := onTopic(0, 1, 2, 3), onTopic(0, 1, 2, 3)
	other[2].fingerprint = 7
	another[2].person = 7
	for name, c := range map[string]struct {
		announced           []announcement
		decisions           []Gap
		quarantined         []Gap
		repeated, watermark int64
	}{
		"all that were published": {announced: onTopic(0, 1, 2, 3), watermark: 4},
		"all":                     {announced: onTopic(0, 1, 2, 3, 4), watermark: 5},
		"repeats":                 {announced: onTopic(0, 1, 0, 1, 2, 3), repeated: 2, watermark: 4},
		"one is missing": {
			announced: onTopic(0, 1, 3), watermark: 4,
			decisions: []Gap{{GapNotPublished, 2, 2}}, quarantined: []Gap{{GapQuarantineNotPublished, 2, 2}},
		},
		"out of order": {
			announced: onTopic(0, 2, 1, 3), watermark: 4,
			decisions: []Gap{{GapMisordered, 1, 1}}, quarantined: []Gap{{GapQuarantineMisordered, 1, 1}},
		},
		"another content": {
			announced: other, watermark: 4,
			decisions: []Gap{{GapPublishedOtherwise, 2, 2}}, quarantined: []Gap{{GapQuarantineOtherwise, 2, 2}},
		},
		"another person": {
			announced: another, watermark: 4,
			decisions: []Gap{{GapPublishedOtherwise, 2, 2}}, quarantined: []Gap{{GapQuarantineOtherwise, 2, 2}},
		},
		"one that the record does not hold": {
			announced: onTopic(0, 1, 2, 3, 9), watermark: 4,
			decisions: []Gap{{GapPublishedUnknown, 9, 9}}, quarantined: []Gap{{GapQuarantineUnknown, 9, 9}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			held := func() *entries {
				e := &entries{}
				for offset := range int64(5) {
					e.add(entry{offset: offset, fingerprint: offset, logOffset: notOnTopic})
				}
				return e
			}
			decisions := PartitionBooks{topic: topic, Watermark: Watermark{Published: 5}}
			compareAnswers(&decisions, held(), &entries{}, c.announced, published)
			quarantined := PartitionBooks{topic: topic, Watermark: Watermark{Published: 5}}
			compareQuarantined(&quarantined, held(), c.announced, published)
			if !slices.Equal(decisions.Gaps, c.decisions) || !slices.Equal(quarantined.Gaps, c.quarantined) {
				t.Errorf("found %v and %v, want %v and %v", decisions.Gaps, quarantined.Gaps, c.decisions, c.quarantined)
			}
			if decisions.Repeated != c.repeated || decisions.Watermark.Published != c.watermark || decisions.Pending.Publish != 5-c.watermark {
				t.Errorf("%d repeated, published up to %d, %d pending, want %d, %d, %d", decisions.Repeated,
					decisions.Watermark.Published, decisions.Pending.Publish, c.repeated, c.watermark, 5-c.watermark)
			}
		})
	}
}

// The answers to decided messages and to those that cannot be read lie on one topic, in one
// order.
func TestComparesNoticesWithTopics(t *testing.T) {
	t.Parallel()
	const published = 4
	decision := func(offset int64) announcement { return announcement{causeOffset: offset, fingerprint: offset} }
	notice := func(offset int64) announcement {
		return announcement{causeOffset: offset, fingerprint: offset, notice: true}
	}
	another := notice(1)
	another.fingerprint = 7
	for name, c := range map[string]struct {
		announced []announcement
		want      []Gap
		answered  int64
		pending   int64
	}{
		"all":                    {announced: []announcement{decision(0), notice(1), decision(2), notice(3), decision(4)}, answered: 5},
		"the last is on its way": {announced: []announcement{decision(0), notice(1), decision(2), notice(3)}, answered: 4, pending: 1},
		"a channel was not told": {
			announced: []announcement{decision(0), decision(2), notice(3), decision(4)}, answered: 4, want: []Gap{{GapNoticeNotPublished, 1, 1}},
		},
		"a notice behind a later decision": {
			announced: []announcement{decision(0), decision(2), notice(1), notice(3), decision(4)}, answered: 5, want: []Gap{{GapMisordered, 1, 1}},
		},
		"another notice": {
			announced: []announcement{decision(0), another, decision(2), notice(3), decision(4)}, answered: 5, want: []Gap{{GapNoticeOtherwise, 1, 1}},
		},
		"a notice on a decided message": {
			announced: []announcement{decision(0), notice(1), decision(2), notice(2), notice(3), decision(4)}, answered: 5, want: []Gap{{GapNoticeUnknown, 2, 2}},
		},
		"a decision on an unreadable message": {
			announced: []announcement{decision(0), notice(1), decision(1), decision(2), notice(3), decision(4)}, answered: 5, want: []Gap{{GapPublishedUnknown, 1, 1}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			decisions, notices := &entries{}, &entries{}
			for offset := range int64(5) {
				held := decisions
				if offset%2 == 1 {
					held = notices
				}
				held.add(entry{offset: offset, fingerprint: offset, logOffset: notOnTopic})
			}
			p := PartitionBooks{topic: "t.submissions.counter", Watermark: Watermark{Published: 5}}
			compareAnswers(&p, decisions, notices, c.announced, published)
			if !slices.Equal(p.Gaps, c.want) || p.Published+p.Notices != c.answered || p.Pending.Answer != c.pending {
				t.Errorf("found %v, %d answers, %d pending, want %v, %d, %d", p.Gaps, p.Published+p.Notices, p.Pending.Answer, c.want, c.answered, c.pending)
			}
		})
	}
}
