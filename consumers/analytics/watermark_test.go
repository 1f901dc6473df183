package analytics

import (
	"testing"
	"time"

	"tajdeed/consumers"
	"tajdeed/schema"
)

// completeUpTo is what analysts are told, to the second of Kuwait.
func (h *database) completeUpTo(want string) {
	h.Helper()
	if got := h.lines(`SELECT formatDateTime(complete_up_to, '%F %T') FROM complete_up_to`); got[0] != want {
		h.Errorf("complete up to %s, want %s", got[0], want)
	}
}

// openAll returns the partitions of a topic that has so many, each opened by one stage.
func (h *database) openAll(partitions int) (opened []*stagePartition) {
	h.Helper()
	stage := h.newStage(h.db)
	stage.watermarks.setKnown(map[string]int{at.Topic: partitions}, knownAt)
	stage.watermarks.every = 0
	for n := range partitions {
		p, _, err := stage.Open(h.Context(), consumers.Assignment{TopicPartition: schema.TopicPartition{Topic: at.Topic, Partition: n}})
		if err != nil {
			h.Fatal(err)
		}
		opened = append(opened, p.(*stagePartition))
	}
	return opened
}

// idle tells the stage that nothing lay after what it read, at an instant of one day.
func (p *stagePartition) idle(h *database, clock string) {
	h.Helper()
	at, err := time.ParseInLocation(time.DateTime, "2026-03-15 "+clock, schema.Kuwait)
	if err != nil {
		h.Fatal(err)
	}
	if err := p.Idle(h.Context(), at); err != nil {
		h.Fatal(err)
	}
}

// knownAt is after all that happens in the tests.
var knownAt = time.Date(2026, time.March, 16, 0, 0, 0, 0, schema.Kuwait)

const never = "1970-01-01 03:00:00"

// The watermark advances with idle partitions and stands still with a stopped stage,
// and a partition that was never read holds it back for good.
func TestCompleteUpTo(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	h.completeUpTo(never)
	opened := h.openAll(2)
	opened[0].idle(h, "09:00:00")
	h.completeUpTo(never) // who knows what lies in the other
	opened[1].idle(h, "09:00:10")
	h.completeUpTo("2026-03-15 09:00:00")

	var m []consumers.Message // published from 09:30:03 on
	for i, d := range decisions(0, 5) {
		d.Cause.Partition = 0
		m = append(m, message(int64(i), d))
	}
	b := batch(m...)
	b.Partition = 0
	if err := opened[0].Prepare(b).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.completeUpTo("2026-03-15 09:00:10") // the other one, which is quiet
	opened[1].idle(h, "09:40:00")
	h.completeUpTo("2026-03-15 09:30:03") // the last decision that is in
	opened[0].idle(h, "09:45:00")
	h.completeUpTo("2026-03-15 09:40:00")
	h.completeUpTo("2026-03-15 09:40:00") // nobody says more
}

// What one partition notes too soon after another is written with the next note.
func TestNotesAreGathered(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	opened := h.openAll(3)
	opened[0].stage.watermarks.every = time.Hour
	for _, p := range opened {
		p.idle(h, "09:00:00")
	}
	if got := h.lines(`SELECT toString(count()) FROM sink_position`); got[0] != "1" {
		t.Errorf("%s rows, want 1", got[0])
	}
	opened[0].stage.watermarks.every = 0
	opened[0].idle(h, "09:00:05")
	if got := h.lines(`SELECT toString(count()) FROM sink_position`); got[0] != "4" {
		t.Errorf("%s rows, want 4: both that waited, and a second of the first", got[0])
	}
	h.completeUpTo("2026-03-15 09:00:00")
}

// Nothing is said of the time after which nobody has asked what channels there are: one that
// was added since may have decisions that nobody reads yet. When it is known, all wait for it.
func TestCompleteUpToWaitsForNewChannels(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	opened := h.openAll(1)
	stage, asked := opened[0].stage, knownAt.Add(-15*time.Hour) // at nine
	stage.watermarks.setKnown(map[string]int{at.Topic: 1}, asked)
	opened[0].idle(h, "09:00:30")
	h.completeUpTo("2026-03-15 09:00:00")

	added := schema.TopicPartition{Topic: topics.Decisions("counter")}
	stage.watermarks.setKnown(map[string]int{at.Topic: 1, added.Topic: 1}, asked.Add(time.Minute))
	opened[0].idle(h, "09:01:30")
	h.completeUpTo(never)
	p, _, err := stage.Open(t.Context(), consumers.Assignment{TopicPartition: added})
	if err != nil {
		t.Fatal(err)
	}
	p.(*stagePartition).idle(h, "09:00:50")
	h.completeUpTo("2026-03-15 09:00:50")
}
