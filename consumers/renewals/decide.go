package renewals

import (
	"time"

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
	fineDue   schema.Fils
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

// decide says what becomes of an application, by the policy in force on the day on which it was
// submitted. Spent says whether an approved application has spent the receipt. It is pure: what
// it is given alone makes the verdict, whenever and however often it is asked. Every reason that
// holds is given, so that an applicant is not sent away twice; but who does not know the
// register is told nothing of it.
func decide(policies *policy.Set, a *schema.Application, f *facts, spent bool, receivedAt time.Time, simulation bool) verdict {
	day, plausible := dayOf(policies, a.SubmittedAt, receivedAt, simulation)
	rules, inForce := policies.On(day)
	v := verdict{policy: noPolicy}
	if inForce {
		v.policy = rules.Version
	}
	if !plausible {
		v.reasons.Add(schema.ReasonSubmissionTimeImplausible)
	}
	checkMessage(&v, a)
	switch {
	case a.CivilID.Check() != nil:
		v.reasons.Add(schema.ReasonCivilIDInvalid)
	case !identifies(a, f):
		v.reasons.Add(schema.ReasonIdentityMismatch)
	case !f.resides:
		v.reasons.Add(schema.ReasonResidencyUnknown)
	case !inForce:
		v.oldExpiry = f.residency.ExpiresOn
		v.reasons.Add(schema.ReasonNoPolicy)
		checkIdentity(&v, a, f)
	default:
		if spent {
			v.reasons.Add(schema.ReasonReceiptUsed)
		}
		renew(&v, a, f, rules, day)
	}
	return v
}

// dayOf returns the day whose rules decide: that on which the channel says that the
// application was submitted, if the broker's time of the message bears that out. Otherwise
// the channel could choose its price, and the day is the broker's. A simulation's people live
// in other years than its broker.
func dayOf(policies *policy.Set, submittedAt, receivedAt time.Time, simulation bool) (day schema.Date, plausible bool) {
	received := schema.DateOf(receivedAt)
	if rules, inForce := policies.On(received); inForce && !simulation && !rules.Plausible(submittedAt, receivedAt) {
		return received, false
	}
	return schema.DateOf(submittedAt), true
}

// checkMessage checks what the message shows by itself.
func checkMessage(v *verdict, a *schema.Application) {
	switch {
	case !a.Fee.Stated():
		v.reasons.Add(schema.ReasonFeeMissing)
	case a.Fee.PaidAt.After(a.SubmittedAt):
		v.reasons.Add(schema.ReasonFeePaidAfterSubmission)
	}
	if !a.Insurance.Stated() {
		v.reasons.Add(schema.ReasonInsuranceMissing)
	}
}

// identifies says whether an application knows the resident: by the passport, or by the
// sponsor. Whoever has only a Civil ID learns neither whether it is in the register nor
// anything else of it.
func identifies(a *schema.Application, f *facts) bool {
	return f.known && (a.Passport == f.passport || f.resides && a.SponsorID == f.residency.SponsorID)
}

// renew decides on the renewal of a residency that is in the register.
func renew(v *verdict, a *schema.Application, f *facts, rules *policy.Policy, day schema.Date) {
	v.oldExpiry = f.residency.ExpiresOn
	expiry := v.oldExpiry.AddMonths(a.Months)
	checkIdentity(v, a, f)
	checkWindow(v, f, rules, day, expiry)
	checkPassport(v, a, f, rules, day, expiry)
	checkPrice(v, a, f, rules)
	if a.Insurance.Stated() && rules.InsuranceCoversPeriod(f.residency.Article) {
		checkCover(v, a.Insurance, day, expiry)
	}
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

// checkWindow allows a renewal from the day on which the window opens. One that comes after the
// expiry owes a fine, and must reach the day on which it comes (rule FINE-LATE).
func checkWindow(v *verdict, f *facts, rules *policy.Policy, day, expiry schema.Date) {
	if day < rules.WindowOpens(v.oldExpiry) {
		v.reasons.Add(schema.ReasonWindowNotOpen)
	}
	if day <= v.oldExpiry {
		return
	}
	fine, known := rules.Fine(f.residency.Article, int(day-v.oldExpiry))
	if !known {
		v.reasons.Add(schema.ReasonResidencyExpired)
	}
	if v.fineDue = fine; expiry < day {
		v.reasons.Add(schema.ReasonPeriodOver)
	}
}

// checkPassport requires a passport that is valid on the day, and for as long as the policy
// says.
func checkPassport(v *verdict, a *schema.Application, f *facts, rules *policy.Policy, day, expiry schema.Date) {
	switch expires := f.passport.ExpiresOn; {
	case expires < day:
		v.reasons.Add(schema.ReasonPassportExpired)
	case !rules.PassportSuffices(expires, day, expiry, a.Months):
		v.reasons.Add(schema.ReasonPassportTooShort)
	}
}

// checkPrice checks that the article can be renewed for the months asked for, and that
// exactly the fee for that and the fine were paid.
func checkPrice(v *verdict, a *schema.Application, f *facts, rules *policy.Policy) {
	most := rules.MaxMonths(f.residency.Article)
	fee, priced := rules.Fee(caseOf(f), a.Months)
	renewable := most > 0 && priced
	switch {
	case most == 0:
		v.reasons.Add(schema.ReasonArticleNotRenewable)
	case !priced:
		v.reasons.Add(schema.ReasonNoPrice)
	case a.Months > most:
		v.reasons.Add(schema.ReasonMonthsOverLimit)
	}
	if renewable && a.Months%12 != 0 && rules.WholeYears(f.residency.Article) {
		v.reasons.Add(schema.ReasonMonthsNotOffered)
	}
	if renewable {
		v.feeDue = fee
	} else { // what is not renewed here is not paid here
		v.fineDue = 0
	}
	if renewable && a.Fee.Stated() && a.Fee.Amount != fee+v.fineDue {
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

// checkCover requires a cover up to the new expiry. It begins the day after the old one, or, for
// a renewal that comes later, on its day.
func checkCover(v *verdict, cover schema.Insurance, day, expiry schema.Date) {
	if cover.From > max(v.oldExpiry.AddDays(1), day) || cover.To < expiry {
		v.reasons.Add(schema.ReasonInsuranceShort)
	}
}
