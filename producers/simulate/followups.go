package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
)

// addFollowUps plans what follows a resident's message, each with its rate: a resend, another
// application under its id, one with its receipt, and an unreadable message.
func (s *Simulation) addFollowUps(resident int, a *schema.Application, m *Message, at time.Time) {
	if s.chance(s.rates.duplicate) {
		s.later.push(s.resend(a, m, s.after(at)))
	}
	if s.chance(s.rates.conflict) {
		s.later.push(s.conflict(a, m.Channel, s.after(at)))
	}
	if m.Expect.Outcome == schema.OutcomeApproved && s.chance(s.rates.reuse) {
		s.later.push(s.reuse(resident, a, m.Channel, s.after(at)))
	}
	if s.chance(s.rates.unreadable) {
		s.later.push(s.unreadable(a, m.Channel, s.after(at)))
	}
}

// after draws when something follows: at once, so that both may lie in one batch, or
// within two days (assumed).
func (s *Simulation) after(at time.Time) time.Time {
	if s.chance(0.4) {
		return at
	}
	const most = 48 * time.Hour
	return at.Add(time.Minute + min(most, time.Duration(s.rng.ExpFloat64()*float64(4*time.Hour))))
}

// resend makes the message of an application that is sent again: the same bytes, or the
// same application written another way. It is expected to get the first answer again.
func (s *Simulation) resend(a *schema.Application, m *Message, at time.Time) Message {
	again := *m
	again.At = at
	if again.Channel = s.elsewhere(m.Channel); again.Channel != m.Channel {
		again.Headers = s.headers(a, again.Channel)
	}
	again.Expect.Disposition = schema.DispositionResend
	if s.chance(0.4) {
		again.Value = respelled(a, m.Value)
	}
	return again
}

// respelled writes the same application with its fields in another order, with white
// space, and with the time of submission in Kuwait's time zone.
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

// conflict makes the message of another application of the same resident under the same
// id.
func (s *Simulation) conflict(a *schema.Application, by schema.Channel, at time.Time) Message {
	other := *a
	switch s.rng.IntN(3) {
	case 0:
		other.Months = a.Months%60 + 12 // never the same
	case 1:
		other.SponsorID = a.SponsorID ^ 1
	default:
		other.SubmittedAt = at.Add(time.Second)
	}
	return s.message(&other, s.elsewhere(by), Expectation{
		Disposition:   schema.DispositionConflict,
		ApplicationID: other.ID,
		CivilID:       other.CivilID,
		Article:       other.Article,
		Outcome:       schema.OutcomeRejected,
		Reasons:       only(schema.ReasonApplicationConflict),
	}, at)
}

// reuse makes the message of an approved application that comes again under another id, as from
// a channel that begins anew after a time-out: its receipt is spent. It comes after the renewal
// and before the resident's next application, which is months away. So it is judged by the
// residency as it was renewed, which its insurance does not cover.
func (s *Simulation) reuse(resident int, a *schema.Application, by schema.Channel, at time.Time) Message {
	d := s.draftOf(resident, at)
	s.issued++
	other := *a
	other.ID, other.SubmittedAt = s.applicationID(at), at
	d.months, d.wrong = a.Months, set(receiptUsed)
	d.reckon()
	if a.Fee.Amount != d.fee+d.fine { // the price changed with the rules, or a fine was paid
		d.wrong |= set(feeOther)
	}
	if d.rules.InsuranceCoversPeriod(d.article) {
		d.wrong |= set(insuranceShort)
	}
	return s.message(&other, by, d.expect(&other), at)
}

func only(r schema.Reason) (set schema.Reasons) {
	set.Add(r)
	return set
}

// unreadable makes a message like that of an application, with its own id, that breaks the
// contract in one way.
func (s *Simulation) unreadable(a *schema.Application, by schema.Channel, at time.Time) Message {
	s.issued++
	other := *a
	other.ID = s.applicationID(at)
	breach := breaches[s.rng.IntN(len(breaches))]
	m := s.message(&other, by, Expectation{Rule: breach.rule, ApplicationID: uuid.Nil}, at)
	breach.apply(&m)
	return m
}

// followUps are messages still to come, the next one first. There are few, since a
// message follows within two days.
type followUps []Message

// before says whether one of them comes before today's next application, planned at a
// time. Where none is planned (not ok), it is false: the next day has yet to begin.
func (f followUps) before(planned time.Time, ok bool) bool {
	return ok && len(f) > 0 && !f[0].At.After(planned)
}

// push inserts a message after those of its time and before later ones.
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
