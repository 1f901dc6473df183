package analytics

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"tajdeed/consumers"
)

// A note that is taken names exactly one block behind the claim's offset, and is the one
// that would be written for it, but for how its number is spelled.
func FuzzClaimNote(f *testing.F) {
	for _, note := range []string{"", claimNote(8, ""), claimNote(7, ""), claimNote(8, "a token"), "until 8 with ", "until  with it", "until ", "until -1", "until +9", "until 9223372036854775808", "another tool's"} {
		f.Add(int64(7), note)
	}
	f.Fuzz(func(t *testing.T, offset int64, note string) {
		start, joint, err := claimed(offset, note)
		switch {
		case err != nil:
			if !errors.Is(err, errNote) || start.Until != 0 || joint != "" {
				t.Errorf("%q: %+v, %v", note, start, err)
			}
		case start.Next != offset:
			t.Errorf("%q: goes on at %d, not at %d", note, start.Next, offset)
		case start.Until == 0:
			if strings.HasPrefix(note, claimPrefix) || joint != "" {
				t.Errorf("%q names a block, and none was read", note)
			}
		default:
			again, jointAgain, err := claimed(offset, claimNote(start.Until, joint))
			if start.Until <= offset || err != nil || again != start || jointAgain != joint {
				t.Errorf("%q at %d: %+v %q, written and read again %+v %q, %v", note, offset, start, joint, again, jointAgain, err)
			}
		}
	})
}

// Whatever lies on the decisions topic, a batch accounts for it: it is a row that can be
// inserted, about the key's person and of the cause's partition, or it is quarantined.
func FuzzPrepare(f *testing.F) {
	good := message(0, decision(7))
	first, second := string(good.Headers[0].Value), good.Headers[1].Value
	f.Add(good.Key, good.Value, first, second)
	f.Add(good.Key, good.Value[:len(good.Value)/2], first, []byte(nil))
	f.Add([]byte("291030104197"), good.Value, "another", second)
	elsewhere := decision(7)
	elsewhere.Cause.Partition++
	f.Add(good.Key, elsewhere.AppendJSON(nil), first, second)
	notice := unreadable(0, 7)
	f.Add([]byte(nil), notice.Value, first, second)
	stage := &Stage{Config: Config{Topics: topics, Pseudonym: key(f, "a key of this test"), Now: time.Now}}
	p := &stagePartition{stage: stage, logPartition: stage.logPartition(at)}
	f.Fuzz(func(t *testing.T, key, value []byte, first string, second []byte) {
		m := message(0, decision(7))
		m.Key, m.Value = key, value
		m.Headers[0].Value, m.Headers[1].Value = []byte(first), second
		if len(key) == 0 { // as notices have none
			m.Headers = slices.Clone(notice.Headers)
		}
		b := batch(m)
		w := p.Prepare(b).(*work)
		if quarantined := len(b.QuarantineMessages("")); len(w.rows)+w.ignored+quarantined != 1 {
			t.Fatalf("%d rows, %d ignored, %d quarantined", len(w.rows), w.ignored, quarantined)
		}
		if len(w.rows) == 0 {
			return
		}
		checkRow(t, stage, w.rows, &m)
	})
}

func checkRow(t *testing.T, stage *Stage, rows []row, m *consumers.Message) {
	t.Helper()
	r := &rows[0]
	if r.unreadable() {
		return
	}
	if r.Cause.Partition != partition || r.CivilID.String() != string(m.Key) || r.logOffset != m.Offset {
		t.Errorf("a row of %+v from the key %q at %d", r.Cause, m.Key, m.Offset)
	}
	for i, values := range stage.columns(rows) {
		if values == nil {
			t.Errorf("column %d has no values", i)
		}
	}
}
