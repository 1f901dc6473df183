package analytics

import (
	"fmt"
	"testing"
)

// replayed are decisions as the record would have them, lying on the topic where log
// laid them.
func replayed(from, to int64) (all []Replayed) {
	for _, m := range log(from, decisions(from, to)...) {
		d := decision(m.Offset)
		all = append(all, Replayed{Decision: d, LogOffset: m.Offset, PublishedAt: m.Time})
	}
	return all
}

// A replay inserts what the stage inserted, also where ClickHouse remembers the stage's own
// block.
func TestReplay(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	stage := h.newStage(h.db)
	h.deliver(h.open(stage, 0), log(0, decisions(0, 100)...)...)
	want := h.lines(allColumns)
	for _, run := range []string{"first", "second"} { // the same rows are lost twice
		if err := h.db.Exec(t.Context(), `DELETE FROM decision WHERE cause_offset < 60`); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a run that is told twice adds nothing
			if err := stage.Replay(t.Context(), run, at, replayed(0, 60)); err != nil {
				t.Fatal(err)
			}
		}
		h.exactly(100)
	}
	for i, got := range h.lines(allColumns) {
		if got != want[i] {
			t.Errorf("row %d:\n got %s\nwant %s", i, got, want[i])
		}
	}
}

// Who has the key can say whom a row is about.
func TestPairs(t *testing.T) {
	t.Parallel()
	h := newDatabase(t)
	h.deliver(h.open(h.newStage(h.db), 0), log(0, decisions(0, 1)...)...)
	d := decision(0)
	person, sponsor := h.pseudonym.Pairs()(d.CivilID, d.SponsorID)
	want := fmt.Sprint(person, sponsor)
	if got := h.lines(`SELECT concat(toString(person), ' ', toString(sponsor)) FROM decision`); got[0] != want {
		t.Errorf("the row has %s, want %s", got[0], want)
	}
}
