package verify

import (
	"slices"
	"testing"
)

// A partition's decisions and messages in quarantine are compared with what lies on their
// topics: every kind of difference is found, and what is not published yet is pending.
func TestComparesWithTopics(t *testing.T) {
	t.Parallel()
	const topic, published = "t.submissions", 4
	onTopic := func(offsets ...int64) (all []announcement) {
		for i, offset := range offsets {
			all = append(all, announcement{causeTopic: topic, causeOffset: offset, fingerprint: offset, logOffset: int64(i)})
		}
		return all
	}
	foreign, other, another := onTopic(0, 1, 2, 3), onTopic(0, 1, 2, 3), onTopic(0, 1, 2, 3)
	foreign = append(foreign, announcement{causeTopic: "of another stage", causeOffset: 4})
	other[2].fingerprint = 7
	another[2].parties.person = 7
	for name, c := range map[string]struct {
		announced           []announcement
		decisions           []Gap
		quarantined         []Gap
		repeated, watermark int64
	}{
		"all that were published": {announced: onTopic(0, 1, 2, 3), watermark: 4},
		"all":                     {announced: onTopic(0, 1, 2, 3, 4), watermark: 5},
		"repeats":                 {announced: onTopic(0, 1, 0, 1, 2, 3), repeated: 2, watermark: 4},
		"another topic's":         {announced: foreign, watermark: 4},
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
				offsets := []int64{0, 1, 2, 3, 4}
				return &entries{
					offsets: offsets, fingerprints: offsets, parties: make([]parties, 5),
					logOffsets: slices.Repeat([]int64{notOnTopic}, 5), publishedAt: make([]int64, 5),
				}
			}
			decisions := PartitionBooks{topic: topic, Watermark: Watermark{Published: 5}}
			compareDecisions(&decisions, held(), c.announced, published)
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

// What lies on a topic for a partition that the record does not know is a stray; another
// installation's in the same record is none.
func TestStraysOnTopics(t *testing.T) {
	t.Parallel()
	here, foreign := topicPartition{"t.submissions", 1}, topicPartition{"u.submissions", 1}
	record := &recordContents{
		books: &Books{}, decisions: map[topicPartition]*entries{here: {}}, foreign: map[topicPartition]bool{foreign: true},
	}
	unreadable := Stray{"t.decisions", 1, Gap{GapUnreadable, 5, 5}}
	a := &announcements{
		decisions:   map[int][]announcement{1: {{causeTopic: here.topic}, {causeTopic: foreign.topic}, {causeTopic: "x", causeOffset: 3}}},
		quarantined: map[int][]announcement{2: {{causeTopic: here.topic, causeOffset: 4}}},
		strays:      []Stray{unreadable},
	}
	a.addStrays(record)
	for _, want := range []Stray{{"x", 1, Gap{GapPublishedUnknown, 3, 3}}, {here.topic, 2, Gap{GapQuarantineUnknown, 4, 4}}, unreadable} {
		if !slices.Contains(record.books.Strays, want) {
			t.Errorf("%+v was not found", want)
		}
	}
	if n := len(record.books.Strays); n != 3 {
		t.Errorf("%d strays, want 3: %+v", n, record.books.Strays)
	}
}
