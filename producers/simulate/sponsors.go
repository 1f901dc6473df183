package simulate

import (
	"math/rand/v2"

	"tajdeed/schema"
)

// temporary is the article of temporary residencies, which can't be renewed (ART-14).
const temporary schema.Article = 14

// The sponsors of a full population. 16,000 companies are the source article's
// (S4), for the 450,000 transactions of its year (S1); the other two are assumed.
const (
	fullPopulation = 450_000
	fullCompanies  = 16_000
	fullBodies     = 90
	fullMissions   = 110
)

// houses are the sponsors that exist before their people, and those that are
// filling up: a family or a household takes a few and is followed by another.
type houses struct {
	companies, bodies, missions group
	companySize                 *rand.Zipf
	family, household           filling
	giant                       uint32 // the company of [Config.OneSponsor], where there is one
}

// group is a run of sponsors of one kind.
type group struct{ first, n uint32 }

// filling is a sponsor that takes some more people.
type filling struct {
	sponsor uint32
	places  int
}

// foundSponsors makes the companies, government bodies and missions, as many as
// fit the size of the population.
func (s *Simulation) foundSponsors() *houses {
	h := &houses{
		companies: s.found(schema.SponsorCompany, fullCompanies),
		bodies:    s.found(schema.SponsorGovernment, fullBodies),
		missions:  s.found(schema.SponsorMission, fullMissions),
	}
	// A few companies have thousands of workers and most a handful.
	h.companySize = rand.NewZipf(s.rng, 1.15, 6, uint64(h.companies.n-1))
	if s.config.OneSponsor > 0 {
		h.giant = s.sponsor(sponsor{kind: schema.SponsorCompany})
	}
	return h
}

func (s *Simulation) found(kind schema.SponsorKind, full int) group {
	n := max(2, full*s.config.Residents/fullPopulation)
	g := group{first: uint32(len(s.population.sponsors)), n: uint32(n)}
	for range n {
		s.sponsor(sponsor{kind: kind})
	}
	return g
}

// sponsor adds a sponsor to the register and returns its index.
func (s *Simulation) sponsor(file sponsor) uint32 {
	s.population.sponsors = append(s.population.sponsors, file)
	return uint32(len(s.population.sponsors) - 1)
}

// settle gives a resident the sponsor and the relation that fit the article. Who
// sponsors a student or a temporary residency was not found (ART-23, ART-14): a
// government body and the former employer are assumed.
func (s *Simulation) settle(r *resident, h *houses) {
	r.relation = schema.RelationEmployee
	switch r.article {
	case 17:
		r.sponsor = s.official(h)
	case 20:
		r.relation = schema.RelationDomesticWorker
		r.sponsor = s.household(h)
	case 22:
		r.relation = pick(s, familyRelations)
		r.sponsor = s.family(h)
	case 23:
		r.relation = schema.RelationSelf
		r.sponsor = h.bodies.any(s)
	case 24:
		r.relation = schema.RelationSelf
		r.sponsor = s.sponsor(sponsor{kind: schema.SponsorSelf, article: 24})
	default:
		r.sponsor = h.companies.first + uint32(h.companySize.Uint64())
	}
}

// employ gives a resident a company to work for, whatever the article was to be.
func (*Simulation) employ(r *resident, company uint32) {
	r.article, r.relation, r.sponsor = 18, schema.RelationEmployee, company
}

func (g group) any(s *Simulation) uint32 { return g.first + uint32(s.rng.IntN(int(g.n))) }

// familyRelations are those of article 22. Other relatives are 2 %: about 12,000
// (FIG-RELATIVES) of the 540,904 residencies in 2017 (FIG-STOCK).
var familyRelations = []share[schema.Relation]{
	{schema.RelationSpouseOrChild, 98}, {schema.RelationOtherRelative, 2},
}

// official is a government body, or one of the missions, which use the same
// service (S11).
func (s *Simulation) official(h *houses) uint32 {
	if s.chance(0.08) {
		return h.missions.any(s)
	}
	return h.bodies.any(s)
}

// family returns the head of a family of one to five, whose own article sets the
// fee.
func (s *Simulation) family(h *houses) uint32 {
	if h.family.places == 0 {
		h.family = filling{
			sponsor: s.sponsor(sponsor{kind: schema.SponsorResident, article: pick(s, s.rates.heads)}),
			places:  1 + s.rng.IntN(5),
		}
	}
	h.family.places--
	return h.family.sponsor
}

// household returns the household of one to three domestic workers.
func (s *Simulation) household(h *houses) uint32 {
	if s.chance(0.01) {
		return h.missions.any(s)
	}
	if h.household.places == 0 {
		kind := schema.SponsorKuwaitiHousehold
		if s.chance(0.08) {
			kind = schema.SponsorExpatriateHousehold
		}
		h.household = filling{sponsor: s.sponsor(sponsor{kind: kind}), places: 1 + s.rng.IntN(3)}
	}
	h.household.places--
	return h.household.sponsor
}
