package analytics

import (
	"errors"
	"testing"

	"tajdeed/schema"
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

// A replay writes what the sink wrote, also where the sink's own block is remembered.
func TestReplay(t *testing.T) {
	t.Parallel()
	h := newWarehouse(t)
	if err := h.db.Exec(t.Context(), `SYSTEM START MERGES decision`); err != nil { // a DELETE is one
		t.Fatal(err)
	}
	sink := h.newSink(h.db)
	h.deliver(h.open(sink, 0), log(0, decisions(0, 100)...)...)
	want := h.lines(allColumns)
	for _, run := range []string{"first", "second"} { // the same rows are lost twice
		if err := h.db.Exec(t.Context(), `DELETE FROM decision WHERE cause_offset < 60`); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a run that is told twice adds nothing
			if err := sink.Replay(t.Context(), run, partition, replayed(0, 60)); err != nil {
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

// A row that was written under another key is told from one that was not.
func TestCheckKey(t *testing.T) {
	t.Parallel()
	h := newWarehouse(t)
	sink := h.newSink(h.db)
	h.deliver(h.open(sink, 0), log(0, decisions(0, 1)...)...)
	d := decision(0)
	if err := sink.CheckKey(t.Context(), &d); err != nil {
		t.Error(err)
	}
	h.pseudonym = key(t, "another key of this test")
	if err := h.newSink(h.db).CheckKey(t.Context(), &d); !errors.Is(err, ErrOtherKey) {
		t.Errorf("%v, want %v", err, ErrOtherKey)
	}
	d.Cause = schema.Position{Topic: "nowhere"}
	if err := sink.CheckKey(t.Context(), &d); err == nil {
		t.Error("a row that is not there was compared")
	}
}
