package simulate

import "tajdeed/schema"

// reasonOf is the reason that each flaw gives.
var reasonOf = [...]schema.Reason{
	civilIDMistyped:  schema.ReasonCivilIDInvalid,
	civilIDStrangers: schema.ReasonResidentUnknown,
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

// expect tells what should become of the application: the reasons of its flaws, and
// those that lie in when it is made and in what the register says of the resident.
func (t *attempt) expect(a *schema.Application) Expectation {
	e := Expectation{
		Disposition:   schema.DispositionFirst,
		ApplicationID: a.ID,
		CivilID:       a.CivilID,
		Article:       a.Article,
		Policy:        t.rules.Version,
		Reasons:       t.flawReasons(),
	}
	switch {
	case t.wrong&set(civilIDMistyped, civilIDStrangers) != 0: // nothing else is looked at
	case t.without:
		e.Reasons.Add(schema.ReasonResidencyUnknown)
	default:
		t.expectOfResidency(&e)
	}
	e.Outcome = schema.OutcomeApproved
	if e.Reasons != 0 {
		e.Outcome = schema.OutcomeRejected
		e.NewExpiry = 0
	}
	return e
}

func (t *attempt) flawReasons() (reasons schema.Reasons) {
	for x, reason := range reasonOf {
		if t.wrong.has(flaw(x)) {
			reasons.Add(reason)
		}
	}
	return reasons
}

func (t *attempt) expectOfResidency(e *Expectation) {
	e.OldExpiry, e.NewExpiry = t.expiresOn, t.newExpiry
	if t.priced {
		e.FeeDue = t.fee
	} else {
		e.Reasons.Add(schema.ReasonArticleNotRenewable)
	}
	switch {
	case t.day > t.expiresOn:
		e.Reasons.Add(schema.ReasonResidencyExpired)
	case t.day < t.rules.WindowOpens(t.expiresOn):
		e.Reasons.Add(schema.ReasonWindowNotOpen)
	}
	switch {
	case t.passportExpires < t.day:
		e.Reasons.Add(schema.ReasonPassportExpired)
	case t.rules.PassportCoversPeriod() && t.passportExpires < t.newExpiry:
		e.Reasons.Add(schema.ReasonPassportTooShort)
	}
}
