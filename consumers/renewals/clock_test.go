package renewals

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Whatever the clock says, the decisions are the same; it says only when they were
// taken, to the microsecond, as the record keeps it.
func TestClockDecidesNothing(t *testing.T) {
	t.Parallel()
	q, stranger := under2025(), under2025().forResident(otherCivilID)
	faulty := q.a
	faulty.ID, faulty.SponsorID = numbered(1), sponsorID+1
	right := time.Date(2026, 3, 1, 0, 0, 30, 1999, time.UTC)
	var want *effects
	for _, by := range []time.Duration{0, 50 * time.Minute, -time.Minute, -40 * 24 * time.Hour} {
		r := newRecord(t)
		r.register(q.f)
		r.stage = New(Config{Topics: topics, Now: func() time.Time { return right.Add(by) }}, prometheus.NewRegistry())
		got := r.apply(batch(0, log(0, q.a, faulty, q.a, stranger.a)...))
		if want == nil {
			want = got
		}
		if !reflect.DeepEqual(withoutTime(got.decisions), withoutTime(want.decisions)) {
			t.Errorf("by a clock that is wrong by %s\n%v\nand by a right one\n%v", by, got.decisions, want.decisions)
		}
		for i := range got.decisions {
			if at := right.Add(by).Truncate(time.Microsecond); !got.decisions[i].DecidedAt.Equal(at) {
				t.Errorf("decision %d was taken at %s, want %s", i, got.decisions[i].DecidedAt, at)
			}
		}
		r.wantLines(residencyLines, fmt.Sprint(civilID, " 2027-04-10"))
	}
}
