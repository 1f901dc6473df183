package renewals

import (
	"math/rand/v2"
	"slices"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
)

// defect is something wrong with a question, for which it is rejected.
type defect struct {
	reason schema.Reason
	do     func(*question)
	// hides are reasons that cannot be judged any more: what has no price cannot
	// have a wrong one.
	hides []schema.Reason
}

// defects can all be had at once, but for those that hide another. Who has the sponsor wrong
// and the passport too is told nothing else: see knownDefects.
var defects = []defect{
	{schema.ReasonArticleMismatch, func(q *question) { q.a.Article++ }, nil},
	{schema.ReasonSponsorMismatch, func(q *question) { q.a.SponsorID++ }, nil},
	{schema.ReasonPassportMismatch, func(q *question) { q.a.Passport.Number = "P7654321" }, nil},
	{schema.ReasonMonthsOverLimit, func(q *question) { q.a.Months = 180 }, nil},
	{schema.ReasonInsuranceShort, func(q *question) { q.a.Insurance.From = q.f.residency.ExpiresOn.AddDays(2) }, nil},
	{schema.ReasonFeeMismatch, func(q *question) { q.a.Fee.Amount = 1 }, nil},
	{schema.ReasonWindowNotOpen, func(q *question) { q.submittedOn(q.f.residency.ExpiresOn.AddDays(-70)) }, nil},
	{
		schema.ReasonPassportExpired,
		func(q *question) { q.expirePassport() },
		[]schema.Reason{schema.ReasonPassportTooShort},
	},
	{
		schema.ReasonPeriodOver, // and owes more than the fee
		func(q *question) { q.submittedOn(q.f.residency.ExpiresOn.AddMonths(181)) },
		[]schema.Reason{schema.ReasonWindowNotOpen, schema.ReasonInsuranceShort, schema.ReasonPassportTooShort},
	},
	{
		schema.ReasonFeeMissing,
		func(q *question) { q.a.Fee = schema.Payment{} },
		[]schema.Reason{schema.ReasonFeeMismatch},
	},
	{
		schema.ReasonInsuranceMissing,
		func(q *question) { q.a.Insurance = schema.Insurance{} },
		[]schema.Reason{schema.ReasonInsuranceShort},
	},
	{
		schema.ReasonArticleNotRenewable,
		func(q *question) { q.f.residency.Article = 14 },
		[]schema.Reason{schema.ReasonMonthsOverLimit, schema.ReasonMonthsNotOffered, schema.ReasonFeeMismatch},
	},
}

// first are the defects that end the judgement: nothing of the register can be told then.
var first = []defect{
	{reason: schema.ReasonResidencyUnknown, do: func(q *question) { q.withoutResidency(); q.a.Passport = q.f.passport }},
	{reason: schema.ReasonIdentityMismatch, do: func(q *question) { q.f = facts{} }},
	{reason: schema.ReasonCivilIDInvalid, do: func(q *question) { q.a.CivilID = badCivilID }},
}

// expirePassport has the passport expire long ago, in the register and as it was stated.
func (q *question) expirePassport() {
	q.f.passport.ExpiresOn = q.f.residency.ExpiresOn.AddDays(-100)
	q.a.Passport.ExpiresOn = q.f.passport.ExpiresOn
}

// submittedOn changes the day on which it was submitted, and paid.
func (q *question) submittedOn(day schema.Date) {
	q.a.SubmittedAt = day.Time().Add(9 * time.Hour)
	q.a.Fee.PaidAt = q.a.SubmittedAt
}

// knownDefects are those that leave the resident identified: by the passport, or by the
// sponsor.
func knownDefects() [][]defect {
	without := func(reason schema.Reason) []defect {
		return slices.DeleteFunc(slices.Clone(defects), func(d defect) bool { return d.reason == reason })
	}
	return [][]defect{without(schema.ReasonSponsorMismatch), without(schema.ReasonPassportMismatch)}
}

// A defect more never takes away a reason that was there, except those that it
// says it hides.
func TestADefectNeverRemovesAReason(t *testing.T) {
	t.Parallel()
	for _, ask := range []func() question{under2020, under2025} {
		for _, defects := range knownDefects() {
			for set := range 1 << len(defects) {
				checkEachMore(t, ask, defects, set)
			}
		}
	}
}

// checkEachMore asks with a set of defects, and then with each of the later ones
// too.
func checkEachMore(t *testing.T, ask func() question, defects []defect, set int) {
	t.Helper()
	before := ask()
	last := -1
	for i := range defects {
		if set&(1<<i) != 0 {
			defects[i].do(&before)
			last = i
		}
	}
	had := before.decide().reasons
	for _, more := range defects[last+1:] {
		q := before
		more.do(&q)
		want := had
		want.Add(more.reason)
		for _, hidden := range more.hides {
			want &^= 1 << hidden
		}
		if got := q.decide().reasons; got&want != want {
			t.Fatalf("%s after %q: %q", more.reason.Code(), codes(had), codes(got))
		}
	}
}

// Several things wrong at once are all told at once.
func TestAllReasonsAtOnce(t *testing.T) {
	t.Parallel()
	q := under2020()
	for _, d := range knownDefects()[1] {
		switch d.reason {
		case schema.ReasonArticleNotRenewable, schema.ReasonFeeMissing, schema.ReasonInsuranceMissing, schema.ReasonPeriodOver:
		default:
			d.do(&q)
		}
	}
	q.a.Months = 179
	const want = "article_mismatch sponsor_mismatch window_not_open passport_expired " +
		"months_over_limit fee_mismatch insurance_short"
	if got := q.decide().reasons; got != reasons(t, want) {
		t.Errorf("%q, want %q", codes(got), want)
	}
}

// Of a Civil ID that cannot be one nothing is told but what the message shows; nor to who does
// not know the resident, nor of one without a residency, whatever else is wrong.
func TestWhatIsToldAlone(t *testing.T) {
	t.Parallel()
	q := under2025()
	for _, d := range defects {
		d.do(&q)
	}
	for _, d := range first {
		d.do(&q)
		want := reasons(t, "fee_missing insurance_missing")
		want.Add(d.reason)
		if got := q.decide().reasons; got != want {
			t.Errorf("%q, want %q", codes(got), codes(want))
		}
	}
}

// decide reads its arguments and changes nothing in them.
func TestDecideLeavesItsArgumentsAlone(t *testing.T) {
	t.Parallel()
	q := under2025()
	before := q
	q.decide()
	if q != before {
		t.Errorf("it changed %+v to %+v", before, q)
	}
}

// Whatever the numbers are, decide answers, and approves exactly what it has no
// reason against.
func TestDecideAnswersEverything(t *testing.T) {
	t.Parallel()
	check := func(seed uint64) bool { return consistent(randomQuestion(seed)) == "" }
	if err := quick.Check(check, &quick.Config{MaxCount: 20_000}); err != nil {
		t.Error(err)
	}
}

// randomQuestion is one whose values lie near those that matter.
func randomQuestion(seed uint64) question {
	rng := rand.New(rand.NewPCG(seed, 1))
	q := under2025()
	near := func(d *schema.Date) { *d += schema.Date(rng.IntN(800) - 400) }
	near(&q.a.Insurance.From)
	near(&q.a.Insurance.To)
	near(&q.f.passport.ExpiresOn)
	near(&q.f.residency.ExpiresOn)
	q.a.SubmittedAt = q.a.SubmittedAt.AddDate(0, 0, rng.IntN(5000)-4500)
	q.a.Fee.PaidAt = q.a.SubmittedAt.Add(time.Duration(rng.IntN(5)-3) * time.Minute)
	q.receivedAt, q.simulation = q.a.SubmittedAt.Add(time.Duration(rng.IntN(30)-2)*time.Hour), rng.IntN(2) == 0
	q.a.Months = rng.IntN(181)
	q.a.Article, q.f.residency.Article = schema.Article(rng.IntN(256)), schema.Article(rng.IntN(256))
	q.f.sponsor.Kind = schema.SponsorKind(rng.IntN(9))
	q.f.residency.Relation = schema.Relation(rng.IntN(7))
	q.f.known, q.f.resides = rng.IntN(9) > 0, rng.IntN(9) > 0
	return q
}

// consistent says what is wrong with the answer to a question.
func consistent(q question) string {
	v := q.decide()
	approved := v.outcome() == schema.OutcomeApproved
	switch {
	case approved != (v.reasons == 0):
		return "the outcome is not that of its reasons"
	case approved != (v.newExpiry != 0):
		return "a new expiry is set where it is not approved, or none where it is"
	case approved && v.newExpiry != q.f.residency.ExpiresOn.AddMonths(q.a.Months):
		return "the new expiry is not the old one and the months"
	case approved && v.feeDue+v.fineDue != q.a.Fee.Amount:
		return "it is approved with another amount than was paid"
	case v.fineDue != 0 && schema.DateOf(q.a.SubmittedAt) <= v.oldExpiry && schema.DateOf(q.receivedAt) <= v.oldExpiry:
		return "one in time owes a fine"
	case v.reasons.Has(schema.ReasonIdentityMismatch) && (v.oldExpiry != 0 || v.feeDue != 0 || v.fineDue != 0):
		return "a stranger is told of the register"
	case v.policy == "":
		return "no policy is named"
	case v != q.decide():
		return "asked again it says something else"
	}
	return ""
}

func FuzzDecide(f *testing.F) {
	for _, q := range []question{under2020(), under2025()} {
		f.Add(uint64(q.a.CivilID), uint8(18), 12, q.a.SubmittedAt.Unix(), int64(q.a.Fee.Amount),
			int32(q.a.Insurance.From), int32(q.a.Insurance.To), int32(q.f.passport.ExpiresOn), int32(q.f.residency.ExpiresOn), uint16(0x0113))
	}
	f.Fuzz(func(t *testing.T, id uint64, article uint8, months int, submitted, fee int64, from, to, passport, expiry int32, kinds uint16) {
		q := under2025()
		q.a.ID = uuid.UUID{}
		q.a.CivilID, q.a.Article, q.f.residency.Article = schema.CivilID(id), schema.Article(article), schema.Article(article)
		q.a.Months = months % 181 // what a message can carry
		q.a.SubmittedAt = time.Unix(submitted, 0)
		q.a.Fee.Amount = schema.Fils(fee)
		q.a.Insurance.From, q.a.Insurance.To = schema.Date(from), schema.Date(to)
		q.a.Passport.ExpiresOn, q.f.passport.ExpiresOn = schema.Date(passport), schema.Date(passport)
		q.f.residency.ExpiresOn = schema.Date(expiry)
		q.f.residency.Relation, q.f.sponsor.Kind = schema.Relation(kinds>>4&15), schema.SponsorKind(kinds&15)
		q.f.sponsor.Article = schema.Article(kinds >> 8)
		if wrong := consistent(q); wrong != "" {
			t.Error(wrong)
		}
	})
}
