package simulate

import (
	"math/rand/v2"

	"tajdeed/schema"
)

// temporary is the article of temporary residencies, which cannot be renewed (ART-14).
const temporary schema.Article = 14

// The sponsors of a full population: 16,000 companies (S4) for the 450,000
// transactions of a year (S1). The bodies and the missions are assumed.
const (
	fullPopulation = 450_000
	fullCompanies  = 16_000
	fullBodies     = 90
	fullMissions   = 110
)

// placement is where residents get their sponsors from. Companies, government bodies and
// missions exist before their people; families and households are made when the last
// one is full.
type placement struct {
	companies, bodies, missions group
	companySize                 *rand.Zipf
	family, household           vacancy
	oneSponsor                  uint32 // the company of [Config.OneSponsor], where that is set
}

// group is n sponsors of one kind whose indices begin at first.
type group struct{ first, n uint32 }

// vacancy is a family or a household with places left.
type vacancy struct {
	sponsor uint32
	places  int
}

// newPlacement makes the companies, government bodies and missions, in proportion to
// the size of the population.
func (s *Simulation) newPlacement() *placement {
	p := &placement{
		companies: s.addSponsors(schema.SponsorCompany, fullCompanies),
		bodies:    s.addSponsors(schema.SponsorGovernment, fullBodies),
		missions:  s.addSponsors(schema.SponsorMission, fullMissions),
	}
	// A few companies have thousands of workers and most a handful.
	p.companySize = rand.NewZipf(s.rng, 1.15, 6, uint64(p.companies.n-1))
	if s.config.OneSponsor > 0 {
		p.oneSponsor = s.sponsor(sponsor{kind: schema.SponsorCompany})
	}
	return p
}

func (s *Simulation) addSponsors(kind schema.SponsorKind, full int) group {
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

// assignSponsor gives a resident a sponsor and a relation by the article. Who
// sponsors a student or a temporary residency was not found (ART-23, ART-14): a
// government body and the former employer are assumed.
func (s *Simulation) assignSponsor(r *resident, p *placement) {
	r.relation = schema.RelationEmployee
	switch r.article {
	case 17:
		r.sponsor = s.official(p)
	case 20:
		r.relation = schema.RelationDomesticWorker
		r.sponsor = s.household(p)
	case 22:
		r.relation = pick(s, familyRelations)
		r.sponsor = s.family(p)
	case 23:
		r.relation = schema.RelationSelf
		r.sponsor = p.bodies.any(s)
	case 24:
		r.relation = schema.RelationSelf
		r.sponsor = s.sponsor(sponsor{kind: schema.SponsorSelf, article: 24})
	default:
		r.sponsor = p.companies.first + uint32(p.companySize.Uint64())
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

// official returns a government body or, for 8 % (assumed), one of the missions, which
// use the same service (S11).
func (s *Simulation) official(p *placement) uint32 {
	if s.chance(0.08) {
		return p.missions.any(s)
	}
	return p.bodies.any(s)
}

// family returns the head of a family with one to five members here. The head's own
// article sets their fee.
func (s *Simulation) family(p *placement) uint32 {
	if p.family.places == 0 {
		p.family = vacancy{
			sponsor: s.sponsor(sponsor{kind: schema.SponsorResident, article: pick(s, s.rates.heads)}),
			places:  1 + s.rng.IntN(5),
		}
	}
	p.family.places--
	return p.family.sponsor
}

// household returns the household of one to three domestic workers, or a mission.
func (s *Simulation) household(p *placement) uint32 {
	if s.chance(0.01) {
		return p.missions.any(s)
	}
	if p.household.places == 0 {
		kind := schema.SponsorKuwaitiHousehold
		if s.chance(0.08) {
			kind = schema.SponsorExpatriateHousehold
		}
		p.household = vacancy{sponsor: s.sponsor(sponsor{kind: kind}), places: 1 + s.rng.IntN(3)}
	}
	p.household.places--
	return p.household.sponsor
}
