package simulate

import (
	"time"

	"tajdeed/schema"
)

// flaw is one thing that an applicant or a channel gets wrong.
type flaw uint

const (
	civilIDMistyped flaw = iota
	civilIDUnknown
	otherArticle
	otherSponsor
	otherPassport
	monthsOver
	monthsPart
	feeMissing
	feeOther
	feePaidLater // than the application was submitted
	insuranceMissing
	insuranceShort
	receiptUsed // by an approved application before; it comes with a follow-up only
)

// flaws is a set of flaws.
type flaws uint

func (f flaws) has(x flaw) bool { return f&(1<<x) != 0 }

func set(these ...flaw) (f flaws) {
	for _, x := range these {
		f |= 1 << x
	}
	return f
}

// single is how often each flaw comes alone; the weights are assumed. The other wrong
// applications have several; see drawFlaws.
var single = []share[flaws]{
	{set(civilIDMistyped), 6}, {set(civilIDUnknown), 6}, {set(otherArticle), 8}, {set(otherSponsor), 11},
	{set(otherPassport), 15}, {set(monthsOver), 8}, {set(monthsPart), 8}, {set(feeMissing), 8},
	{set(feeOther), 14}, {set(feePaidLater), 3}, {set(insuranceMissing), 8}, {set(insuranceShort), 14},
}

// together are flaws that may come in any combination.
var together = []flaw{otherArticle, otherSponsor, otherPassport, monthsOver, monthsPart}

// drawFlaws draws what is to be wrong with an application: mostly nothing. Flaws that
// are none in this case are left out, so that each one drawn gives its reason.
func (d *draft) drawFlaws() flaws {
	if d.noResidency || !d.s.chance(d.s.rates.flaw) {
		return 0
	}
	if d.s.chance(0.85) {
		for {
			if drawn := pick(d.s, single) &^ d.impossible(); drawn != 0 {
				return drawn
			}
		}
	}
	return d.several() &^ d.impossible()
}

// several draws two to eight flaws that do not exclude each other.
func (d *draft) several() flaws {
	drawn := pick(d.s, []share[flaws]{{set(feeMissing), 1}, {set(feeOther), 1}}) |
		pick(d.s, []share[flaws]{{set(insuranceMissing), 1}, {set(insuranceShort), 1}})
	for _, x := range together {
		if d.s.chance(0.25) {
			drawn |= set(x)
		}
	}
	if !drawn.has(feeMissing) && d.s.chance(0.2) {
		drawn |= set(feePaidLater)
	}
	return drawn
}

// impossible returns the flaws that would be none in this case: no period is wrong where
// nothing can be renewed, and a part of a year is not wrong where years need not be
// whole.
func (d *draft) impossible() (not flaws) {
	if !d.priced {
		not |= set(monthsOver, monthsPart, feeOther)
	}
	if !d.rules.WholeYears(d.article) {
		not |= set(monthsPart)
	}
	if !d.rules.InsuranceCoversPeriod(d.article) {
		not |= set(insuranceShort)
	}
	return not
}

// spoil puts the flaws into the application. Wrong months are in it already, with the
// fee and the insurance that fit them.
func (d *draft) spoil(a *schema.Application) {
	spoilers := [...]func(*draft, *schema.Application){
		civilIDMistyped:  (*draft).mistypeCivilID,
		civilIDUnknown:   func(d *draft, a *schema.Application) { a.CivilID = d.s.unassignedCivilID() },
		otherArticle:     func(d *draft, a *schema.Application) { a.Article = pickOther(d, a.Article) },
		otherSponsor:     (*draft).nameOtherSponsor,
		otherPassport:    (*draft).showOtherPassport,
		feeMissing:       func(_ *draft, a *schema.Application) { a.Fee = schema.Payment{} },
		feeOther:         (*draft).payOtherFee,
		feePaidLater:     (*draft).payLater,
		insuranceMissing: func(_ *draft, a *schema.Application) { a.Insurance = schema.Insurance{} },
		insuranceShort:   (*draft).shortenInsurance,
	}
	for x, spoil := range spoilers {
		if spoil != nil && d.wrong.has(flaw(x)) {
			spoil(d, a)
		}
	}
}

// mistypeCivilID gets the check digit or the month of birth wrong.
func (d *draft) mistypeCivilID(a *schema.Application) {
	check := a.CivilID % 10
	a.CivilID += (check+1+schema.CivilID(d.s.rng.IntN(9)))%10 - check
	if d.s.chance(0.3) {
		a.CivilID += 20 * 1e7 // month 21 to 32
	}
}

func pickOther(d *draft, not schema.Article) schema.Article {
	for {
		if article := pick(d.s, articleMix); article != not {
			return article
		}
	}
}

func (d *draft) nameOtherSponsor(a *schema.Application) {
	other := (int(d.sponsor) + 1 + d.s.rng.IntN(len(d.s.population.sponsors)-1)) % len(d.s.population.sponsors)
	a.SponsorID = d.s.population.id(uint32(other))
}

// showOtherPassport states a new passport that the register does not have yet, or gets
// the country or the date wrong.
func (d *draft) showOtherPassport(a *schema.Application) {
	switch p := &a.Passport; d.s.rng.IntN(4) {
	case 0:
		p.Country = "ZWE"
	case 1:
		p.ExpiresOn = p.ExpiresOn.AddDays(1 + d.s.rng.IntN(3000))
	default:
		p.Number = "N" + p.Number[1:] + "7"
	}
}

// payOtherFee pays half of the fee, KWD 10 or 250 fils too much; who is late pays no fine.
func (d *draft) payOtherFee(a *schema.Application) {
	if d.fine > 0 {
		a.Fee.Amount = d.fee
		return
	}
	others := []share[schema.Fils]{{d.fee / 2, 4}, {d.fee + 10*schema.Dinar, 3}, {d.fee + 250, 1}}
	if a.Fee.Amount = pick(d.s, others); a.Fee.Amount == d.fee {
		a.Fee.Amount += schema.Dinar
	}
}

// payLater pays within two hours after the submission.
func (d *draft) payLater(a *schema.Application) {
	a.Fee.PaidAt = d.at.Add(time.Duration(1+d.s.rng.IntN(7200)) * time.Second)
}

func (d *draft) shortenInsurance(a *schema.Application) {
	if d.s.chance(0.7) {
		a.Insurance.To = d.newExpiry.AddDays(-1 - d.s.rng.IntN(150))
	} else {
		a.Insurance.From = max(d.expiresOn.AddDays(1), d.day).AddDays(1 + d.s.rng.IntN(30))
	}
}
