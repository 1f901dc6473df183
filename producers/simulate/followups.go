package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
)

// addFollowUps lets a message be sent again, its id be used for another
// application, or the channel send something unreadable, each with its chance.
func (s *Simulation) addFollowUps(a *schema.Application, m *Message, at time.Time) {
	if s.chance(s.rates.duplicate) {
		s.later.push(s.resend(a, m, s.after(at)))
	}
	if s.chance(s.rates.conflict) {
		s.later.push(s.conflict(a, s.after(at)))
	}
	if s.chance(s.rates.unreadable) {
		s.later.push(s.unreadable(a, s.after(at)))
	}
}

// after draws when something follows: at once, so that both lie in one batch, or
// within two days (assumed).
func (s *Simulation) after(at time.Time) time.Time {
	if s.chance(0.4) {
		return at
	}
	const most = 48 * time.Hour
	return at.Add(time.Minute + min(most, time.Duration(s.rng.ExpFloat64()*float64(4*time.Hour))))
}

// resend sends an application again: the same bytes, or the same application spelled
// another way. The first answer stands.
func (s *Simulation) resend(a *schema.Application, m *Message, at time.Time) Message {
	again := *m
	again.At = at
	again.Expect.Disposition = schema.DispositionResend
	if s.chance(0.4) {
		again.Value = respelled(a, m.Value)
	}
	return again
}

// respelled writes the same application with its fields in another order, white
// space, and the time of submission as the clock in Kuwait shows it.
func respelled(a *schema.Application, value []byte) []byte {
	fields := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil {
		return value
	}
	fields["submitted_at"] = a.SubmittedAt.In(schema.Kuwait).Format(time.RFC3339Nano)
	out, err := json.MarshalIndent(fields, "", "  ")
	if err != nil {
		return value
	}
	return out
}

// conflict is another application of the same resident under the same id.
func (s *Simulation) conflict(a *schema.Application, at time.Time) Message {
	other := *a
	switch s.rng.IntN(3) {
	case 0:
		other.Months = a.Months%60 + 12 // never the same
	case 1:
		other.SponsorID = a.SponsorID ^ 1
	default:
		other.SubmittedAt = at.Add(time.Second)
	}
	return s.message(&other, Expectation{
		Disposition:   schema.DispositionConflict,
		ApplicationID: other.ID,
		CivilID:       other.CivilID,
		Article:       other.Article,
		Outcome:       schema.OutcomeRejected,
		Reasons:       only(schema.ReasonApplicationConflict),
	}, at)
}

func only(r schema.Reason) (set schema.Reasons) {
	set.Add(r)
	return set
}

// unreadable is a look-alike of an application, with an id of its own, that breaks
// the contract in one way.
func (s *Simulation) unreadable(a *schema.Application, at time.Time) Message {
	s.issued++
	other := *a
	other.ID = s.applicationID(at)
	breach := breaches[s.rng.IntN(len(breaches))]
	m := s.message(&other, Expectation{Rule: breach.rule, ApplicationID: uuid.Nil}, at)
	breach.apply(&m)
	return m
}

// followUps are messages still to come, the next one first. They are few: what
// follows comes within two days.
type followUps []Message

// before says whether one of them comes before what is planned for today. Without
// anything planned none does: the next day's plan is not known yet.
func (f followUps) before(planned time.Time, ok bool) bool {
	return ok && len(f) > 0 && !f[0].At.After(planned)
}

// push puts a message behind those of its time and before later ones.
func (f *followUps) push(m Message) {
	at, _ := slices.BinarySearchFunc(*f, m.At, func(e Message, t time.Time) int {
		if e.At.After(t) {
			return 1
		}
		return -1
	})
	*f = slices.Insert(*f, at, m)
}

func (f *followUps) pop() Message {
	m := (*f)[0]
	*f = slices.Delete(*f, 0, 1)
	return m
}
