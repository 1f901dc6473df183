package renewals

import (
	"github.com/jackc/pgx/v5/pgtype"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// facts are what Postgres holds of one resident.
type facts struct {
	known     bool
	passport  schema.Passport
	resides   bool // whether there is a residency
	residency schema.Residency
	sponsor   schema.Sponsor

	at      pgtype.TID // where the row lies
	renewed bool       // by the batch
}

// verdict is what decide returns: what becomes of an application. It is approved when there
// is no reason against it.
type verdict struct {
	reasons   schema.Reasons
	policy    string
	feeDue    schema.Fils
	oldExpiry schema.Date
	newExpiry schema.Date
}

func (v verdict) outcome() schema.Outcome {
	if v.reasons == 0 {
		return schema.OutcomeApproved
	}
	return schema.OutcomeRejected
}

// noPolicy is the version that a decision names when none was in force.
const noPolicy = "none"

// decide says what becomes of an application, by the policy in force on the day on
// which it was submitted. It is pure: the same application and facts give the same
// verdict, whenever and however often it is asked. Every reason that holds is
// given, so that an applicant is not sent away twice.
func decide(a *schema.Application, f *facts) verdict {
	day := schema.DateOf(a.SubmittedAt)
	rules, inForce := policy.On(day)
	v := verdict{policy: noPolicy}
	if inForce {
		v.policy = rules.Version
	}
	switch {
	case a.CivilID.Check() != nil:
		v.reasons.Add(schema.ReasonCivilIDInvalid)
	case !f.known:
		v.reasons.Add(schema.ReasonResidentUnknown)
	case !f.resides:
		v.reasons.Add(schema.ReasonResidencyUnknown)
	case !inForce:
		v.oldExpiry = f.residency.ExpiresOn
		v.reasons.Add(schema.ReasonArticleNotRenewable)
	default:
		renew(&v, a, f, rules, day)
	}
	return v
}

// renew decides on the renewal of a residency that is in the register.
func renew(v *verdict, a *schema.Application, f *facts, rules *policy.Policy, day schema.Date) {
	v.oldExpiry = f.residency.ExpiresOn
	expiry := v.oldExpiry.AddMonths(a.Months)
	checkIdentity(v, a, f)
	checkWindow(v, rules, day)
	checkPassport(v, f.passport.ExpiresOn, rules.PassportCoversPeriod(), day, expiry)
	checkPrice(v, a, f, rules)
	checkInsurance(v, a.Insurance, rules.InsuranceCoversPeriod(f.residency.Article), expiry)
	if expiry > schema.MaxDate { // a decision could not hold it
		v.reasons.Add(schema.ReasonMonthsOverLimit)
	}
	if v.reasons == 0 {
		v.newExpiry = expiry
	}
}

// checkIdentity compares what the application states with the register.
func checkIdentity(v *verdict, a *schema.Application, f *facts) {
	if a.Article != f.residency.Article {
		v.reasons.Add(schema.ReasonArticleMismatch)
	}
	if a.SponsorID != f.residency.SponsorID {
		v.reasons.Add(schema.ReasonSponsorMismatch)
	}
	if a.Passport != f.passport {
		v.reasons.Add(schema.ReasonPassportMismatch)
	}
}

// checkWindow allows a renewal from the day on which the window opens to the last
// day of the residency.
func checkWindow(v *verdict, rules *policy.Policy, day schema.Date) {
	switch {
	case day > v.oldExpiry:
		v.reasons.Add(schema.ReasonResidencyExpired)
	case day < rules.WindowOpens(v.oldExpiry):
		v.reasons.Add(schema.ReasonWindowNotOpen)
	}
}

// checkPassport requires a passport that is valid on the day, and where the policy says so,
// to the end of the renewed residency too.
func checkPassport(v *verdict, expires schema.Date, coversPeriod bool, day, expiry schema.Date) {
	switch {
	case expires < day:
		v.reasons.Add(schema.ReasonPassportExpired)
	case coversPeriod && expires < expiry:
		v.reasons.Add(schema.ReasonPassportTooShort)
	}
}

// checkPrice checks that the article can be renewed for the months asked for, and that
// exactly the fee for that was paid.
func checkPrice(v *verdict, a *schema.Application, f *facts, rules *policy.Policy) {
	most := rules.MaxMonths(f.residency.Article)
	fee, priced := rules.Fee(caseOf(f), a.Months)
	renewable := most > 0 && priced
	switch {
	case !renewable:
		v.reasons.Add(schema.ReasonArticleNotRenewable)
	case a.Months > most:
		v.reasons.Add(schema.ReasonMonthsOverLimit)
	}
	if renewable && a.Months%12 != 0 && rules.WholeYears(f.residency.Article) {
		v.reasons.Add(schema.ReasonMonthsNotOffered)
	}
	if renewable {
		v.feeDue = fee
	}
	switch {
	case !a.Fee.Stated():
		v.reasons.Add(schema.ReasonFeeMissing)
	case renewable && a.Fee.Amount != fee:
		v.reasons.Add(schema.ReasonFeeMismatch)
	}
}

func caseOf(f *facts) policy.Case {
	return policy.Case{
		Article:        f.residency.Article,
		SponsorKind:    f.sponsor.Kind,
		SponsorArticle: f.sponsor.Article,
		Relation:       f.residency.Relation,
	}
}

// checkInsurance requires a cover from the day after the old expiry to the new one.
func checkInsurance(v *verdict, cover schema.Insurance, coversPeriod bool, expiry schema.Date) {
	switch {
	case !cover.Stated():
		v.reasons.Add(schema.ReasonInsuranceMissing)
	case coversPeriod && (cover.From > v.oldExpiry.AddDays(1) || cover.To < expiry):
		v.reasons.Add(schema.ReasonInsuranceShort)
	}
}
