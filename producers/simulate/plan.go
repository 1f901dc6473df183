package simulate

import (
	"slices"
	"time"

	"tajdeed/schema"
)

// timing is when a resident applies, relative to the residency's expiry.
type timing uint8

const (
	inTime timing = iota
	early         // before the window opens
	late          // after the expiry
)

// longestWindow is the most days that two months have, which is the window of every
// policy so far. Under a policy with a longer one, some early applications would be
// in time, and expected to be.
const longestWindow = 62

func (s *Simulation) timing() timing {
	switch at := s.rng.Float64(); {
	case at < s.rates.early:
		return early
	case at < s.rates.early+s.rates.late:
		return late
	default:
		return inTime
	}
}

// daysBefore draws how many days before the expiry a resident applies: most in the last
// month (assumed), all within 55 days, since the shortest window of two months has 59.
func (s *Simulation) daysBefore() int {
	if s.chance(0.7) {
		return 3 + s.rng.IntN(25)
	}
	return 28 + s.rng.IntN(28)
}

// planNext plans a resident's next application after one on a day, by what that is
// expected to bring: the next renewal, the same one put right within days, or another
// try after about a year.
func (s *Simulation) planNext(i int, day schema.Date, expected *Expectation) {
	r := &s.population.residents[i]
	switch {
	case expected.Outcome == schema.OutcomeApproved:
		r.expiresOn = expected.NewExpiry
		s.planRenewal(i, day)
	case expected.Reasons.Has(schema.ReasonWindowNotOpen):
		s.planInTime(i, day)
	case unfixable(expected.Reasons) && s.chance(s.rates.leave):
		// settled at a desk, or left the country: never applies again
	case unfixable(expected.Reasons):
		s.planAt(i, day, func() schema.Date { return day.AddDays(300 + s.rng.IntN(100)) })
	default:
		s.planAt(i, day, func() schema.Date { return min(day.AddDays(1+s.rng.IntN(9)), max(r.expiresOn, day+1)) })
	}
}

// unfixable says whether applying again soon would change nothing.
func unfixable(reasons schema.Reasons) bool {
	return slices.ContainsFunc(unfixableReasons, reasons.Has)
}

// unfixableReasons are those that an applicant cannot put right within days.
var unfixableReasons = []schema.Reason{
	schema.ReasonResidencyUnknown, schema.ReasonArticleNotRenewable, schema.ReasonResidencyExpired,
	schema.ReasonPassportExpired, schema.ReasonPassportTooShort, schema.ReasonNoPrice,
}

func (s *Simulation) planRenewal(i int, day schema.Date) {
	expiry := s.population.residents[i].expiresOn
	switch s.timing() {
	case early:
		s.planAt(i, day, func() schema.Date { return expiry.AddDays(-longestWindow - 1 - s.rng.IntN(30)) })
	case late:
		s.planAt(i, day, func() schema.Date { return expiry.AddDays(1 + s.rng.IntN(30)) })
	default:
		s.planInTime(i, day)
	}
}

func (s *Simulation) planInTime(i int, day schema.Date) {
	expiry := s.population.residents[i].expiresOn
	s.planAt(i, day, func() schema.Date { return expiry.AddDays(-s.daysBefore()) })
}

// planAt plans one of the days that draw offers, chosen by its weekday, after today.
func (s *Simulation) planAt(i int, today schema.Date, draw func() schema.Date) {
	s.agenda.plan(i, max(s.ordinaryDay(draw), today+1))
}

// agenda says who applies on which day. A resident is in the list of one day at most,
// so the lists are chained through one array.
type agenda struct {
	day   schema.Date     // today
	first [horizon]uint32 // by day modulo horizon: the first resident, plus one
	chain []uint32        // the next resident of the same day, plus one

	today  []uint64 // time of day in milliseconds << 32 | resident, in order
	popped int      // how many of today's have applied
}

// horizon is more days than lie between an application and the next: the longest
// period that is asked for and granted is five years.
const horizon = 2048

// lastDay is early enough that no date of an application leaves the calendar.
var lastDay = schema.MaxDate.AddMonths(-16 * 12)

func (a *agenda) init(start schema.Date, residents int) {
	a.day = start.AddDays(-1)
	a.chain = make([]uint32, residents)
}

// plan puts a resident on a day's list.
func (a *agenda) plan(resident int, day schema.Date) {
	list := &a.first[day%horizon]
	a.chain[resident] = *list
	*list = uint32(resident) + 1
}

// next returns when today's next application is made; false when there is none.
func (a *agenda) next() (time.Time, bool) {
	if a.popped == len(a.today) {
		return time.Time{}, false
	}
	return instant(a.day, int(a.today[a.popped]>>32)), true
}

// pop returns who makes today's next application and when, and removes it.
func (a *agenda) pop() (resident int, at time.Time) {
	entry := a.today[a.popped]
	a.popped++
	return int(uint32(entry)), instant(a.day, int(entry>>32))
}

// advance goes on to the next day on which anybody applies; false when there is none.
func (a *agenda) advance() bool {
	for a.day < lastDay {
		a.day++
		list := &a.first[a.day%horizon]
		if *list == 0 {
			continue
		}
		a.today, a.popped = a.today[:0], 0
		for at := *list; at != 0; at = a.chain[at-1] {
			a.today = append(a.today, uint64(at-1))
		}
		*list = 0
		return true
	}
	return false
}

func (a *agenda) sort() { slices.Sort(a.today) }
