package schema

// The register: what is known of residents, their residencies and their sponsors
// before an application is decided. It begins as an import (see `tajdeed import`)
// and changes by messages only.

// Resident is a person in the register.
type Resident struct {
	CivilID  CivilID
	Passport Passport
}

// Residency is a resident's right to stay. A resident has at most one.
type Residency struct {
	CivilID   CivilID
	Article   Article
	SponsorID SponsorID
	Relation  Relation
	ExpiresOn Date // the last day on which it is valid
}

// Sponsor is whom a residency rests on.
type Sponsor struct {
	ID   SponsorID
	Kind SponsorKind
	// Article is the article of the sponsor's own residency, 0 where the sponsor
	// is not a resident. The fee of a family member depends on it.
	Article Article
}

// SponsorKind is what a sponsor is.
type SponsorKind uint8

// The kinds of sponsor, as an extract names them: company, government, mission,
// kuwaiti_household, expatriate_household, resident, self.
const (
	SponsorCompany SponsorKind = iota + 1
	SponsorGovernment
	SponsorMission
	SponsorKuwaitiHousehold
	SponsorExpatriateHousehold
	SponsorResident // the head of a family, for article 22
	SponsorSelf
)

// Relation is how a resident belongs to the sponsor.
type Relation uint8

// The relations, as an extract names them: employee, domestic_worker,
// spouse_or_child, other_relative, self.
const (
	RelationEmployee Relation = iota + 1
	RelationDomesticWorker
	RelationSpouseOrChild
	RelationOtherRelative
	RelationSelf
)

var (
	sponsorKindNames = [...]string{
		SponsorCompany:             "company",
		SponsorGovernment:          "government",
		SponsorMission:             "mission",
		SponsorKuwaitiHousehold:    "kuwaiti_household",
		SponsorExpatriateHousehold: "expatriate_household",
		SponsorResident:            "resident",
		SponsorSelf:                "self",
	}
	relationNames = [...]string{
		RelationEmployee:       "employee",
		RelationDomesticWorker: "domestic_worker",
		RelationSpouseOrChild:  "spouse_or_child",
		RelationOtherRelative:  "other_relative",
		RelationSelf:           "self",
	}
)

// SponsorKinds returns all kinds of sponsor, in their order.
func SponsorKinds() []SponsorKind { return enumerate[SponsorKind](sponsorKindNames[:]) }

// Relations returns all relations, in their order.
func Relations() []Relation { return enumerate[Relation](relationNames[:]) }

// String returns the kind as an extract names it.
func (k SponsorKind) String() string { return enumName(sponsorKindNames[:], k) }

// String returns the relation as an extract names it.
func (r Relation) String() string { return enumName(relationNames[:], r) }

// ParseSponsorKind returns the kind that an extract names.
func ParseSponsorKind(s string) (SponsorKind, bool) {
	return parseEnum[SponsorKind](sponsorKindNames[:], s)
}

// ParseRelation returns the relation that an extract names.
func ParseRelation(s string) (Relation, bool) { return parseEnum[Relation](relationNames[:], s) }
