package simulate

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// draft is one application in the making: what holds when it is made, what is to be
// wrong with it, and what is expected of it.
type draft struct {
	*resident
	s     *Simulation
	index int
	at    time.Time
	day   schema.Date
	rules *policy.Policy

	by        schema.Channel
	priced    bool // whether the policy has a limit and a price for the residency
	wrong     flaws
	months    int
	fee       schema.Fils
	fine      schema.Fils // for a delay
	newExpiry schema.Date
}

// apply makes a resident's application: a right one, into which it then puts the flaws.
// It returns it with the channel that it comes by and with what is expected of it.
func (s *Simulation) apply(i int, at time.Time) (schema.Application, schema.Channel, Expectation) {
	d := s.newDraft(i, at)
	a := d.rightApplication()
	d.spoil(&a)
	return a, d.by, d.expect(&a)
}

func (s *Simulation) newDraft(i int, at time.Time) *draft {
	d := s.draftOf(i, at)
	if d.wrong = d.drawFlaws(); d.wrong == 0 && d.isLate() && s.chance(0.3) {
		d.wrong = set(feeOther) // pays the fee and forgets the fine (assumed)
	}
	d.months = d.period()
	d.reckon()
	return d
}

// draftOf is what holds of an application of a resident at a time, whatever it says.
func (s *Simulation) draftOf(i int, at time.Time) *draft {
	d := &draft{s: s, resident: &s.population.residents[i], index: i, at: at, day: schema.DateOf(at)}
	d.by = d.channel()
	d.rules, _ = s.config.Policies.On(d.day) // Validate made sure of the first day
	_, hasPrice := d.rules.Fee(d.caseOf(), 12)
	d.priced = hasPrice && d.rules.MaxMonths(d.article) > 0
	return d
}

// isLate says whether the residency has expired, and can be renewed with a fine.
func (d *draft) isLate() bool { return d.priced && !d.noResidency && d.day > d.expiresOn }

// reckon works out what the months asked for cost, and bring.
func (d *draft) reckon() {
	d.fee, _ = d.rules.Fee(d.caseOf(), d.months)
	d.newExpiry = d.expiresOn.AddMonths(d.months)
	if d.isLate() {
		d.fine, _ = d.rules.Fine(d.article, int(d.day-d.expiresOn))
	}
}

func (d *draft) caseOf() policy.Case {
	from := d.s.population.sponsors[d.sponsor]
	return policy.Case{
		Article:        d.article,
		SponsorKind:    from.kind,
		SponsorArticle: from.article,
		Relation:       d.relation,
	}
}

// The periods asked for, in months; the weights are assumed.
var (
	wholeYears = []share[int]{{12, 75}, {24, 18}, {36, 7}}
	anyMonths  = []share[int]{{12, 70}, {24, 14}, {36, 6}, {6, 6}, {18, 2}, {60, 2}}
)

// period draws the months asked for, right ones or those of a flaw: a part of a
// year where only whole ones are offered, more than the limit, or both.
func (d *draft) period() int {
	limit := d.rules.MaxMonths(d.article)
	over, part := d.wrong.has(monthsOver), d.wrong.has(monthsPart)
	switch {
	case over && part:
		return limit + 6
	case over:
		return limit + 12*(1+d.s.rng.IntN(5))
	case part:
		return 6 + 12*d.s.rng.IntN(2)
	case !d.priced:
		return 12
	case d.rules.WholeYears(d.article):
		return min(pick(d.s, wholeYears), limit)
	default:
		return min(pick(d.s, anyMonths), limit)
	}
}

// rightApplication makes the application that the rules approve, as far as that depends
// on the applicant.
func (d *draft) rightApplication() schema.Application {
	d.s.issued++
	return schema.Application{
		ID:          d.s.applicationID(d.at),
		Kind:        schema.KindRenewal,
		CivilID:     d.civilID,
		Article:     d.article,
		SponsorID:   d.s.population.id(d.sponsor),
		Months:      d.months,
		Passport:    d.s.passport(d.index),
		SubmittedBy: d.account(d.by),
		SubmittedAt: d.at,
		Fee:         d.payment(),
		Insurance:   d.cover(),
	}
}

// applicationID makes a UUID of version 7: the time in milliseconds, so that ids made
// at about the same time lie together in an index, and bits that make it unique.
func (s *Simulation) applicationID(at time.Time) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|mix(^s.config.Seed, s.issued)>>52)
	binary.BigEndian.PutUint64(id[8:], mix(s.config.Seed+1, s.issued))
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// payment is the right fee, and the fine of who is late, paid a minute to two hours before. Where there is no price,
// the applicant pays KWD 10.
func (d *draft) payment() schema.Payment {
	amount := d.fee + d.fine
	if !d.priced {
		amount = 10 * schema.Dinar
	}
	return schema.Payment{
		Receipt: numbered("KNET-", d.s.issued),
		Amount:  amount,
		PaidAt:  d.at.Add(-time.Duration(60+d.s.rng.IntN(7200)) * time.Second),
	}
}

// cover is an insurance for the whole period; for nearly half of them it begins up to
// 19 days earlier.
func (d *draft) cover() schema.Insurance {
	return schema.Insurance{
		Policy: numbered("MOH-", d.s.issued),
		From:   d.expiresOn.AddDays(1 - max(0, d.s.rng.IntN(40)-20)),
		To:     d.newExpiry,
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
