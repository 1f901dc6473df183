package simulate

import "tajdeed/schema"

// reasonOf is the reason of rejection that each flaw gives.
var reasonOf = [...]schema.Reason{
	civilIDMistyped:  schema.ReasonCivilIDInvalid,
	civilIDUnknown:   schema.ReasonIdentityMismatch,
	otherArticle:     schema.ReasonArticleMismatch,
	otherSponsor:     schema.ReasonSponsorMismatch,
	otherPassport:    schema.ReasonPassportMismatch,
	monthsOver:       schema.ReasonMonthsOverLimit,
	monthsPart:       schema.ReasonMonthsNotOffered,
	feeMissing:       schema.ReasonFeeMissing,
	feeOther:         schema.ReasonFeeMismatch,
	feePaidLater:     schema.ReasonFeePaidAfterSubmission,
	insuranceMissing: schema.ReasonInsuranceMissing,
	insuranceShort:   schema.ReasonInsuranceShort,
	receiptUsed:      schema.ReasonReceiptUsed,
}

// expect returns what is expected of the application: the reasons of its flaws, and those
// that follow from its day and from what the register says of the resident.
func (d *draft) expect(a *schema.Application) Expectation {
	e := Expectation{
		Disposition:   schema.DispositionFirst,
		ApplicationID: a.ID,
		CivilID:       a.CivilID,
		Article:       a.Article,
		Policy:        d.rules.Version,
		Reasons:       d.flawReasons(),
	}
	switch {
	case d.wrong.has(civilIDMistyped), d.stranger(): // nothing of the register is told
	case d.noResidency:
		e.Reasons.Add(schema.ReasonResidencyUnknown)
	default:
		d.expectOfResidency(&e)
	}
	e.Outcome = schema.OutcomeApproved
	if e.Reasons != 0 {
		e.Outcome = schema.OutcomeRejected
		e.NewExpiry = 0
	}
	return e
}

// stranger says whether the application names nobody whom the register knows by it: no
// resident, or one whose passport and whose sponsor it both gets wrong.
func (d *draft) stranger() bool {
	return d.wrong.has(civilIDUnknown) || d.wrong.has(otherSponsor) && d.wrong.has(otherPassport)
}

// ofTheMessage are the flaws that show without the register, so that a stranger is told
// them too.
var ofTheMessage = set(feeMissing, feePaidLater, insuranceMissing)

func (d *draft) flawReasons() (reasons schema.Reasons) {
	wrong := d.wrong
	if d.stranger() {
		reasons.Add(schema.ReasonIdentityMismatch)
		wrong &= ofTheMessage
	}
	for x, reason := range reasonOf {
		if wrong.has(flaw(x)) {
			reasons.Add(reason)
		}
	}
	return reasons
}

func (d *draft) expectOfResidency(e *Expectation) {
	e.OldExpiry, e.NewExpiry = d.expiresOn, d.newExpiry
	switch {
	case d.priced:
		e.FeeDue, e.FineDue = d.fee, d.fine
	case d.rules.MaxMonths(d.article) == 0:
		e.Reasons.Add(schema.ReasonArticleNotRenewable)
	default:
		e.Reasons.Add(schema.ReasonNoPrice)
	}
	if _, fined := d.rules.Fine(d.article, int(d.day-d.expiresOn)); !fined {
		e.Reasons.Add(schema.ReasonResidencyExpired)
	}
	if d.day > d.expiresOn && d.newExpiry < d.day {
		e.Reasons.Add(schema.ReasonPeriodOver)
	}
	if d.day < d.rules.WindowOpens(d.expiresOn) {
		e.Reasons.Add(schema.ReasonWindowNotOpen)
	}
	switch {
	case d.passportExpires < d.day:
		e.Reasons.Add(schema.ReasonPassportExpired)
	case !d.rules.PassportSuffices(d.passportExpires, d.day, d.newExpiry, d.months):
		e.Reasons.Add(schema.ReasonPassportTooShort)
	}
}
