package simulate

import (
	"tajdeed/schema"
)

// population is the register as the simulation knows it.
type population struct {
	residents []resident
	sponsors  []sponsor
}

// resident is a resident with the residency, 24 bytes for each. What can be made
// from the number again, such as the passport's, is not kept.
type resident struct {
	civilID         schema.CivilID
	expiresOn       schema.Date // of the residency
	passportExpires schema.Date
	sponsor         uint32 // index in the sponsors
	article         schema.Article
	relation        schema.Relation
	nation          uint8 // index in the nations
	without         bool  // in the register, but without a residency
}

// sponsor is a sponsor's file. Its number is made from its place; see id.
type sponsor struct {
	kind    schema.SponsorKind
	article schema.Article
}

// id makes a sponsor's nine digits: the kind, then the place in the register.
func (p *population) id(sponsor uint32) schema.SponsorID {
	return schema.SponsorID(p.sponsors[sponsor].kind)*100_000_000 + schema.SponsorID(sponsor) + 1
}

// A share of something, in parts of all shares of its list.
type share[T any] struct {
	of     T
	weight int
}

// pick draws from a list of shares.
func pick[T any](s *Simulation, shares []share[T]) T {
	sum := 0
	for i := range shares {
		sum += shares[i].weight
	}
	at := s.rng.IntN(sum)
	for i := range shares {
		if at -= shares[i].weight; at < 0 {
			return shares[i].of
		}
	}
	return shares[len(shares)-1].of
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

// populate makes the sponsors that stand by themselves, then the residents, whose
// families and households are made with them.
func (s *Simulation) populate() {
	s.population.residents = make([]resident, s.config.Residents)
	s.agenda.init(s.config.Start, s.config.Residents)
	houses := s.foundSponsors()
	people := newNumbers(s.config.Start)
	season := newSeason(s.config.Start)
	for i := range s.population.residents {
		r := &s.population.residents[i]
		r.article = pick(s, articleMix)
		r.nation = uint8(pick(s, nationIndices))
		if s.chance(s.config.OneSponsor) {
			s.employ(r, houses.giant)
		} else {
			s.settle(r, houses)
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

// firstPlan chooses the day on which a resident applies first and lets the
// residency and the passport end accordingly. The days come first because they are
// what has a season.
func (s *Simulation) firstPlan(i int, day schema.Date) {
	r := &s.population.residents[i]
	switch s.timing() {
	case early:
		r.expiresOn = day.AddDays(longestWindow + 1 + s.rng.IntN(60))
	case late:
		r.expiresOn = day.AddDays(-1 - s.rng.IntN(30))
	default:
		r.expiresOn = day.AddDays(s.lead())
	}
	r.passportExpires = s.passportEnd(day)
	r.without = s.chance(s.rates.without)
	if r.article == temporary && s.config.Rejected == 0 {
		return // who can only be rejected doesn't apply
	}
	s.agenda.plan(i, day)
}

// passportEnd draws the last day of the passport of a resident who applies on a
// day. Some have run out by then and some soon will. The others outlast the
// simulation, as no passport does: nothing in it renews one, and with ten years each,
// the stream would turn into rejections within a day of running.
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

func (s *Simulation) chance(p float64) bool { return p > 0 && s.rng.Float64() < p }
