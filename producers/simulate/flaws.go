package simulate

import (
	"tajdeed/schema"
)

// flaw is one thing that an applicant or a channel gets wrong.
type flaw uint

const (
	civilIDMistyped flaw = iota
	civilIDStrangers
	otherArticle
	otherSponsor
	otherPassport
	monthsOver
	monthsPart
	feeMissing
	feeOther
	insuranceMissing
	insuranceShort
)

// flaws is a set of them.
type flaws uint

func (f flaws) has(x flaw) bool { return f&(1<<x) != 0 }

func set(these ...flaw) (f flaws) {
	for _, x := range these {
		f |= 1 << x
	}
	return f
}

// single is how often each thing goes wrong alone; the weights are assumed. Two
// things go wrong together in the rest; see drawFlaws.
var single = []share[flaws]{
	{set(civilIDMistyped), 6}, {set(civilIDStrangers), 6}, {set(otherArticle), 8}, {set(otherSponsor), 11},
	{set(otherPassport), 15}, {set(monthsOver), 8}, {set(monthsPart), 8}, {set(feeMissing), 8},
	{set(feeOther), 14}, {set(insuranceMissing), 8}, {set(insuranceShort), 14},
}

// together are flaws of which any may come together.
var together = []flaw{otherArticle, otherSponsor, otherPassport, monthsOver, monthsPart}

// drawFlaws draws what is to be wrong with an application: mostly nothing. Flaws
// that can't be in this case are left out, so that what is drawn is what shows.
func (t *attempt) drawFlaws() flaws {
	if t.without || !t.s.chance(t.s.rates.flaw) {
		return 0
	}
	if t.s.chance(0.85) {
		for {
			if drawn := pick(t.s, single) &^ t.impossible(); drawn != 0 {
				return drawn
			}
		}
	}
	return t.several() &^ t.impossible()
}

// several draws two to five flaws that don't exclude each other.
func (t *attempt) several() flaws {
	drawn := pick(t.s, []share[flaws]{{set(feeMissing), 1}, {set(feeOther), 1}}) |
		pick(t.s, []share[flaws]{{set(insuranceMissing), 1}, {set(insuranceShort), 1}})
	for _, x := range together {
		if t.s.chance(0.25) {
			drawn |= set(x)
		}
	}
	return drawn
}

// impossible are the flaws that would be none here: there is no wrong period where
// nothing can be renewed, and no part of a year is wrong where years need not be
// whole.
func (t *attempt) impossible() (not flaws) {
	if !t.priced {
		not |= set(monthsOver, monthsPart, feeOther)
	}
	if !t.rules.WholeYears(t.article) {
		not |= set(monthsPart)
	}
	if !t.rules.InsuranceCoversPeriod(t.article) {
		not |= set(insuranceShort)
	}
	return not
}

// spoil puts the flaws into the application. The months are wrong already: the fee
// and the insurance are right for them.
func (t *attempt) spoil(a *schema.Application) {
	spoilers := [...]func(*attempt, *schema.Application){
		civilIDMistyped:  (*attempt).mistypeCivilID,
		civilIDStrangers: func(t *attempt, a *schema.Application) { a.CivilID = t.s.stranger() },
		otherArticle:     func(t *attempt, a *schema.Application) { a.Article = pickOther(t, a.Article) },
		otherSponsor:     (*attempt).nameOtherSponsor,
		otherPassport:    (*attempt).showOtherPassport,
		feeMissing:       func(_ *attempt, a *schema.Application) { a.Fee = schema.Payment{} },
		feeOther:         (*attempt).payOtherFee,
		insuranceMissing: func(_ *attempt, a *schema.Application) { a.Insurance = schema.Insurance{} },
		insuranceShort:   (*attempt).shortenInsurance,
	}
	for x, spoil := range spoilers {
		if spoil != nil && t.wrong.has(flaw(x)) {
			spoil(t, a)
		}
	}
}

// mistypeCivilID gets the check digit or the month of birth wrong.
func (t *attempt) mistypeCivilID(a *schema.Application) {
	check := a.CivilID % 10
	a.CivilID += (check+1+schema.CivilID(t.s.rng.IntN(9)))%10 - check
	if t.s.chance(0.3) {
		a.CivilID += 20 * 1e7 // month 21 to 32
	}
}

func pickOther(t *attempt, not schema.Article) schema.Article {
	for {
		if article := pick(t.s, articleMix); article != not {
			return article
		}
	}
}

func (t *attempt) nameOtherSponsor(a *schema.Application) {
	other := (int(t.sponsor) + 1 + t.s.rng.IntN(len(t.s.population.sponsors)-1)) % len(t.s.population.sponsors)
	a.SponsorID = t.s.population.id(uint32(other))
}

// showOtherPassport shows a new passport that the register has not heard of, or
// gets the country or the date wrong.
func (t *attempt) showOtherPassport(a *schema.Application) {
	switch p := &a.Passport; t.s.rng.IntN(4) {
	case 0:
		p.Country = "ZWE"
	case 1:
		p.ExpiresOn = p.ExpiresOn.AddDays(1 + t.s.rng.IntN(3000))
	default:
		p.Number = "N" + p.Number[1:] + "7"
	}
}

// payOtherFee pays last year's fee, a year's too little or some coins too much.
func (t *attempt) payOtherFee(a *schema.Application) {
	others := []share[schema.Fils]{{t.fee / 2, 4}, {t.fee + 10*schema.Dinar, 3}, {t.fee + 250, 1}}
	if a.Fee.Amount = pick(t.s, others); a.Fee.Amount == t.fee {
		a.Fee.Amount += schema.Dinar
	}
}

func (t *attempt) shortenInsurance(a *schema.Application) {
	if t.s.chance(0.7) {
		a.Insurance.To = t.newExpiry.AddDays(-1 - t.s.rng.IntN(150))
	} else {
		a.Insurance.From = t.expiresOn.AddDays(2 + t.s.rng.IntN(30))
	}
}
