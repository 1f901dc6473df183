package simulate

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// attempt is one application in the making: what is so when it is made, what is to
// be wrong with it, and what should come of it.
type attempt struct {
	*resident
	s     *Simulation
	index int
	at    time.Time
	day   schema.Date
	rules *policy.Policy

	priced    bool // whether the policy has a limit and a price for the residency
	wrong     flaws
	months    int
	fee       schema.Fils
	newExpiry schema.Date
}

// apply makes a resident's application. It makes a right one, spoils what is to be
// wrong with it and tells what should come of it.
func (s *Simulation) apply(i int, at time.Time) (schema.Application, Expectation) {
	t := s.attempt(i, at)
	a := t.rightApplication()
	t.spoil(&a)
	return a, t.expect(&a)
}

func (s *Simulation) attempt(i int, at time.Time) *attempt {
	t := &attempt{s: s, resident: &s.population.residents[i], index: i, at: at, day: schema.DateOf(at)}
	t.rules, _ = policy.On(t.day) // Validate made sure of the first day
	_, hasPrice := t.rules.Fee(t.caseOf(), 12)
	t.priced = hasPrice && t.rules.MaxMonths(t.article) > 0
	t.wrong = t.drawFlaws()
	t.months = t.period()
	t.fee, _ = t.rules.Fee(t.caseOf(), t.months)
	t.newExpiry = t.expiresOn.AddMonths(t.months)
	return t
}

func (t *attempt) caseOf() policy.Case {
	from := t.s.population.sponsors[t.sponsor]
	return policy.Case{
		Article:        t.article,
		SponsorKind:    from.kind,
		SponsorArticle: from.article,
		Relation:       t.relation,
	}
}

// The periods that people ask for, in months; the weights are assumed.
var (
	wholeYears = []share[int]{{12, 75}, {24, 18}, {36, 7}}
	anyMonths  = []share[int]{{12, 70}, {24, 14}, {36, 6}, {6, 6}, {18, 2}, {60, 2}}
)

// period draws the months asked for, right ones or those of a flaw: a part of a
// year where only whole ones are offered, more than the limit, or both.
func (t *attempt) period() int {
	limit := t.rules.MaxMonths(t.article)
	over, part := t.wrong.has(monthsOver), t.wrong.has(monthsPart)
	switch {
	case over && part:
		return limit + 6
	case over:
		return limit + 12*(1+t.s.rng.IntN(5))
	case part:
		return 6 + 12*t.s.rng.IntN(2)
	case !t.priced:
		return 12
	case t.rules.WholeYears(t.article):
		return min(pick(t.s, wholeYears), limit)
	default:
		return min(pick(t.s, anyMonths), limit)
	}
}

// rightApplication makes the application that the rules approve, as far as it is
// in the applicant's hands.
func (t *attempt) rightApplication() schema.Application {
	t.s.issued++
	channel := pick(t.s, t.channels())
	return schema.Application{
		ID:          t.s.applicationID(t.at),
		Kind:        schema.KindRenewal,
		CivilID:     t.civilID,
		Article:     t.article,
		SponsorID:   t.s.population.id(t.sponsor),
		Months:      t.months,
		Passport:    t.s.passport(t.index),
		Channel:     channel,
		SubmittedBy: t.account(channel),
		SubmittedAt: t.at,
		Fee:         t.payment(),
		Insurance:   t.cover(),
	}
}

// applicationID makes a UUID of version 7: the time in milliseconds, so that ids
// made together lie together in an index, and bits that are no other's.
func (s *Simulation) applicationID(at time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|mix(^s.config.Seed, s.issued)>>52)
	binary.BigEndian.PutUint64(id[8:], mix(s.config.Seed+1, s.issued))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// The channels by who applies; the weights are assumed.
var (
	companyChannels = []share[schema.Channel]{
		{schema.ChannelCompanyPortal, 80}, {schema.ChannelMobileApp, 8}, {schema.ChannelCounter, 10}, {schema.ChannelBackOffice, 2}}
	governmentChannels = []share[schema.Channel]{
		{schema.ChannelGovernmentPortal, 90}, {schema.ChannelCounter, 7}, {schema.ChannelBackOffice, 3}}
	individualChannels = []share[schema.Channel]{
		{schema.ChannelIndividualPortal, 55}, {schema.ChannelMobileApp, 35}, {schema.ChannelCounter, 9}, {schema.ChannelBackOffice, 1}}
)

func (t *attempt) channels() []share[schema.Channel] {
	switch t.s.population.sponsors[t.sponsor].kind {
	case schema.SponsorCompany:
		return companyChannels
	case schema.SponsorGovernment, schema.SponsorMission:
		return governmentChannels
	default:
		return individualChannels
	}
}

// account names who submits: one of a sponsor's few delegates, a person, a desk.
func (t *attempt) account(channel schema.Channel) string {
	switch channel {
	case schema.ChannelCompanyPortal, schema.ChannelGovernmentPortal:
		return "delegate" + strconv.Itoa(1+t.s.rng.IntN(3)) + "@" + strconv.Itoa(int(t.s.population.id(t.sponsor)))
	case schema.ChannelCounter, schema.ChannelBackOffice:
		return "desk-" + strconv.Itoa(1+t.s.rng.IntN(60))
	default:
		return "person-" + strconv.FormatUint(mix(t.s.config.Seed+2, uint64(t.index))>>24, 36)
	}
}

// payment is the right fee, paid shortly before. Where there is no price, the
// applicant pays something all the same.
func (t *attempt) payment() schema.Payment {
	amount := t.fee
	if !t.priced {
		amount = 10 * schema.Dinar
	}
	return schema.Payment{
		Receipt: numbered("KNET-", t.s.issued),
		Amount:  amount,
		PaidAt:  t.at.Add(-time.Duration(60+t.s.rng.IntN(7200)) * time.Second),
	}
}

// cover is an insurance for the whole period, often from a little earlier on.
func (t *attempt) cover() schema.Insurance {
	return schema.Insurance{
		Policy: numbered("MOH-", t.s.issued),
		From:   t.expiresOn.AddDays(1 - max(0, t.s.rng.IntN(40)-20)),
		To:     t.newExpiry,
	}
}

func numbered(prefix string, n uint64) string {
	const digits = 10
	number := strconv.FormatUint(n, 10)
	if len(number) >= digits {
		return prefix + number
	}
	return prefix + "0000000000"[len(number):] + number
}
