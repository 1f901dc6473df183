package simulate

import (
	"slices"
	"time"

	"tajdeed/schema"
)

// timing is when a resident applies, seen from the residency's expiry.
type timing uint8

const (
	inTime timing = iota
	early         // before the window opens
	late          // after the expiry
)

// longestWindow is the most days that two months have, the window of every policy
// so far. A policy with a longer one makes early applications right, no worse.
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

// lead draws how many days before the expiry a resident applies: most of them in
// the last month (assumed), all within the shortest window.
func (s *Simulation) lead() int {
	if s.chance(0.7) {
		return 3 + s.rng.IntN(25)
	}
	return 28 + s.rng.IntN(28)
}

// planNext plans a resident's next application after one on a day: the next
// renewal, the same put right, or another try a year later.
func (s *Simulation) planNext(i int, day schema.Date, came *Expectation) {
	r := &s.population.residents[i]
	switch {
	case came.Outcome == schema.OutcomeApproved:
		r.expiresOn = came.NewExpiry
		s.planRenewal(i, day)
	case came.Reasons.Has(schema.ReasonWindowNotOpen):
		s.planInTime(i, day)
	case hopeless(came.Reasons) && s.chance(s.rates.leave):
		// settled at a desk, or gone: not heard of again
	case hopeless(came.Reasons):
		s.planAt(i, day, func() schema.Date { return day.AddDays(300 + s.rng.IntN(100)) })
	default:
		s.planAt(i, day, func() schema.Date { return min(day.AddDays(1+s.rng.IntN(9)), max(r.expiresOn, day+1)) })
	}
}

// hopeless says whether applying again soon would change nothing.
func hopeless(reasons schema.Reasons) bool { return slices.ContainsFunc(lasting, reasons.Has) }

// lasting are the reasons that an applicant can't put right here.
var lasting = []schema.Reason{
	schema.ReasonResidencyUnknown, schema.ReasonArticleNotRenewable, schema.ReasonResidencyExpired,
	schema.ReasonPassportExpired, schema.ReasonPassportTooShort,
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
	s.planAt(i, day, func() schema.Date { return expiry.AddDays(-s.lead()) })
}

// planAt plans an ordinary day of those that draw offers, after today.
func (s *Simulation) planAt(i int, today schema.Date, draw func() schema.Date) {
	s.agenda.plan(i, max(s.ordinaryDay(draw), today+1))
}

// agenda is who applies on which day. Every resident stands in the list of one day
// at most, so the lists are chains through one array.
type agenda struct {
	day   schema.Date // today
	first [horizon]uint32
	chain []uint32 // the next resident of the same day, plus one

	today []uint64 // time of day in milliseconds << 32 | resident, in order
	taken int
}

// horizon is more than the days from an application to the next: the longest
// period asked for is five years.
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

// next is when the next application of today is made; false when there is none.
func (a *agenda) next() (time.Time, bool) {
	if a.taken == len(a.today) {
		return time.Time{}, false
	}
	return instant(a.day, int(a.today[a.taken]>>32)), true
}

// take returns who makes it, and when.
func (a *agenda) take() (resident int, at time.Time) {
	entry := a.today[a.taken]
	a.taken++
	return int(uint32(entry)), instant(a.day, int(entry>>32))
}

// advance turns to the next day on which anybody applies.
func (a *agenda) advance() bool {
	for a.day < lastDay {
		a.day++
		list := &a.first[a.day%horizon]
		if *list == 0 {
			continue
		}
		a.today, a.taken = a.today[:0], 0
		for at := *list; at != 0; at = a.chain[at-1] {
			a.today = append(a.today, uint64(at-1))
		}
		*list = 0
		return true
	}
	return false
}

func (a *agenda) sort() { slices.Sort(a.today) }
