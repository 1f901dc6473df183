package renewals

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"tajdeed/schema"
)

// A fine is recorded, announced, read again as it was announced, and repeated to who sends the
// same application again. A conflict is told nothing of it, as of the fee.
func TestFineIsPartOfTheAnswer(t *testing.T) {
	t.Parallel()
	const fine = 4 * schema.Dinar
	r, q := newRecord(t), under2025()
	r.register(q.f)
	other := q.a
	other.SubmittedBy = "somebody.else"

	e := r.decode(batch(2, log(0, q.a)...))
	r.writeWithFine(e, fine)
	if d := r.readAnnouncement(e.Announcements(0)[0]); d.FineDue != fine {
		t.Errorf("announced with a fine of %s, want %s", d.FineDue, fine)
	}
	r.wantAnnounced(0, 1, e.Announcements(0))

	repeated := r.apply(batch(2, log(1, q.a, q.a, other)...))
	r.wantAnnounced(1, 4, repeated.Announcements(0))
	r.wantLines(`SELECT concat_ws(' ', disposition, fee_due_fils, fine_due_fils) FROM decision ORDER BY "offset"`,
		"first 20000 4000", "resend 20000 4000", "resend 20000 4000", "conflict 0 0")
}

// A resend in the batch of the first is answered by the verdict of the first.
func TestVerdictOfADecisionHasItsFine(t *testing.T) {
	t.Parallel()
	want := verdict{policy: policy2025, feeDue: 20 * schema.Dinar, fineDue: 4 * schema.Dinar}
	var d schema.Decision
	setVerdict(&d, want)
	if got := verdictOf(&d); got != want || d.FineDue != want.fineDue {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// writeWithFine decides, and records the decisions with a fine.
func (r *record) writeWithFine(e *effects, fine schema.Fils) {
	r.Helper()
	undone := errors.New("only the decisions are wanted")
	err := pgx.BeginFunc(r.Context(), r.db, func(tx pgx.Tx) error {
		if err := applyIn(r.Context(), tx, e); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		r.Fatal(err)
	}
	for i := range e.decisions {
		e.decisions[i].FineDue = fine
	}
	err = pgx.BeginFunc(r.Context(), r.db, func(tx pgx.Tx) error { return e.writeDecisions(r.Context(), tx) })
	if err != nil {
		r.Fatal(err)
	}
}
