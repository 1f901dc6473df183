package simulate

import "tajdeed/schema"

// reasonOf is the reason of rejection that each flaw gives.
var reasonOf = [...]schema.Reason{
	civilIDMistyped:  schema.ReasonCivilIDInvalid,
	civilIDUnknown:   schema.ReasonResidentUnknown,
	otherArticle:     schema.ReasonArticleMismatch,
	otherSponsor:     schema.ReasonSponsorMismatch,
	otherPassport:    schema.ReasonPassportMismatch,
	monthsOver:       schema.ReasonMonthsOverLimit,
	monthsPart:       schema.ReasonMonthsNotOffered,
	feeMissing:       schema.ReasonFeeMissing,
	feeOther:         schema.ReasonFeeMismatch,
	insuranceMissing: schema.ReasonInsuranceMissing,
	insuranceShort:   schema.ReasonInsuranceShort,
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
	case d.wrong&set(civilIDMistyped, civilIDUnknown) != 0: // nothing else is looked at
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

func (d *draft) flawReasons() (reasons schema.Reasons) {
	for x, reason := range reasonOf {
		if d.wrong.has(flaw(x)) {
			reasons.Add(reason)
		}
	}
	return reasons
}

func (d *draft) expectOfResidency(e *Expectation) {
	e.OldExpiry, e.NewExpiry = d.expiresOn, d.newExpiry
	if d.priced {
		e.FeeDue = d.fee
	} else {
		e.Reasons.Add(schema.ReasonArticleNotRenewable)
	}
	switch {
	case d.day > d.expiresOn:
		e.Reasons.Add(schema.ReasonResidencyExpired)
	case d.day < d.rules.WindowOpens(d.expiresOn):
		e.Reasons.Add(schema.ReasonWindowNotOpen)
	}
	switch {
	case d.passportExpires < d.day:
		e.Reasons.Add(schema.ReasonPassportExpired)
	case d.rules.PassportCoversPeriod() && d.passportExpires < d.newExpiry:
		e.Reasons.Add(schema.ReasonPassportTooShort)
	}
}
