package simulate

import (
	"tajdeed/schema"
)

// population is the register as the simulation expects it to be.
type population struct {
	residents []resident
	sponsors  []sponsor
}

// resident is a resident with the residency, in 24 bytes. What can be made again from
// the index, such as the passport's number, is not kept.
type resident struct {
	civilID         schema.CivilID
	expiresOn       schema.Date // of the residency
	passportExpires schema.Date
	sponsor         uint32 // index in the sponsors
	article         schema.Article
	relation        schema.Relation
	nation          uint8 // index in the nations
	noResidency     bool  // in the register, but without a residency
}

// sponsor is a sponsor's file. Its number is made from its index; see id.
type sponsor struct {
	kind    schema.SponsorKind
	article schema.Article
}

// id makes a sponsor's nine digits: the kind, then the index plus one.
func (p *population) id(sponsor uint32) schema.SponsorID {
	return schema.SponsorID(p.sponsors[sponsor].kind)*100_000_000 + schema.SponsorID(sponsor) + 1
}

// share is a value and its weight among the shares of a list.
type share[T any] struct {
	value  T
	weight int
}

// pick draws a value from a list of shares by their weights.
func pick[T any](s *Simulation, shares []share[T]) T {
	return at(shares, s.rng.IntN(sumOf(shares)))
}

// pickBy chooses a value by bits that are spread well, the same by the same bits.
func pickBy[T any](shares []share[T], bits uint64) T {
	return at(shares, int(bits%uint64(sumOf(shares))))
}

func sumOf[T any](shares []share[T]) (sum int) {
	for i := range shares {
		sum += shares[i].weight
	}
	return sum
}

// at returns the value at a place below the sum of the weights.
func at[T any](shares []share[T], at int) T {
	for i := range shares {
		if at -= shares[i].weight; at < 0 {
			return shares[i].value
		}
	}
	return shares[len(shares)-1].value
}

// articleMix is 70 : 43 : 30 for the articles 18, 22 and 20, as the source article
// counts the renewals (S8, S9), and 4 % of article 17, its share of the stock in 2017
// (FIG-STOCK). The others are few there; their shares here are assumed, large enough
// that each occurs.
var articleMix = []share[schema.Article]{
	{18, 7000 * 943 / 1430}, {22, 4300 * 943 / 1430}, {20, 3000 * 943 / 1430},
	{17, 400}, {19, 40}, {23, 40}, {24, 50}, {14, 40},
}

// nations are where residents come from; the weights are assumed.
var nations = []share[string]{
	{"IND", 32}, {"EGY", 20}, {"BGD", 9}, {"PHL", 8}, {"PAK", 6}, {"LKA", 5}, {"SYR", 5},
	{"NPL", 4}, {"ETH", 3}, {"JOR", 2}, {"IRN", 2}, {"LBN", 1}, {"SDN", 1}, {"YEM", 1}, {"XXB", 1},
}

// populate makes the companies, bodies and missions, then the residents, and with
// these their families and households.
func (s *Simulation) populate() {
	s.population.residents = make([]resident, s.config.Residents)
	s.agenda.init(s.config.Start, s.config.Residents)
	placement := s.newPlacement()
	people := newNumbers(s.config.Start)
	season := newSeason(s.config.Start)
	for i := range s.population.residents {
		r := &s.population.residents[i]
		r.article = pick(s, articleMix)
		r.nation = uint8(pick(s, nationIndices))
		if s.chance(s.config.OneSponsor) {
			s.employ(r, placement.oneSponsor)
		} else {
			s.assignSponsor(r, placement)
		}
		r.civilID = people.next(s.rng, s.birth(r))
		s.firstPlan(i, season.day(s.rng))
	}
}

var nationIndices = indices(nations)

func indices[T any](shares []share[T]) []share[int] {
	all := make([]share[int], len(shares))
	for i := range shares {
		all[i] = share[int]{i, shares[i].weight}
	}
	return all
}

// firstPlan plans a resident's first application on a day, and derives from it when the
// residency and the passport end. The day is drawn first because the season is that
// of the days of application.
func (s *Simulation) firstPlan(i int, day schema.Date) {
	r := &s.population.residents[i]
	switch s.timing() {
	case early:
		r.expiresOn = day.AddDays(longestWindow + 1 + s.rng.IntN(60))
	case late:
		r.expiresOn = day.AddDays(-1 - s.rng.IntN(30))
	default:
		r.expiresOn = day.AddDays(s.daysBefore())
	}
	r.passportExpires = s.passportEnd(day)
	r.noResidency = s.chance(s.rates.noResidency)
	if r.article == temporary && s.config.Rejected == 0 {
		return // who could only be rejected does not apply
	}
	s.agenda.plan(i, day)
}

// passportEnd draws the last day of the passport of a resident who applies on a day.
// Some have expired by then and some soon will. The others outlast the simulation,
// which no real passport would: nothing in it renews one, and if each lasted ten years,
// a fast run would have nothing but rejections within a day.
func (s *Simulation) passportEnd(day schema.Date) schema.Date {
	switch {
	case s.chance(s.rates.passportOver):
		return day.AddDays(-1 - s.rng.IntN(200))
	case s.chance(s.rates.passportShort):
		return day.AddDays(20 + s.rng.IntN(160))
	default:
		return day.AddDays((120 + s.rng.IntN(20)) * daysPerYear)
	}
}

// chance is true with a probability. It draws no number where that is 0.
func (s *Simulation) chance(p float64) bool { return p > 0 && s.rng.Float64() < p }
