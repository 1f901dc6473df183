package renewals

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// The policies that the questions are asked under: of 2020 (957/2019), of the fines of 2025
// (114/2024), and of the fees at the end of 2025 (2249/2025).
var (
	policies, _ = policy.Embedded()
	policy2020  = inForce(schema.NewDate(2020, time.May, 7))
	policy2024  = inForce(schema.NewDate(2025, time.January, 5))
	policy2025  = inForce(schema.NewDate(2026, time.January, 1))
)

// inForce is the version of the policy of a day.
func inForce(day schema.Date) string {
	p, found := policies.On(day)
	if !found {
		panic("no policy is in force on " + day.String())
	}
	return p.Version
}

// question is what decide is asked.
type question struct {
	a schema.Application
	f facts
	// receivedAt is the broker's time of the message; a second after the submission where it
	// is zero.
	receivedAt time.Time
	simulation bool
	spent      bool // whether the receipt is
}

func (q *question) decide() verdict {
	receivedAt := q.receivedAt
	if receivedAt.IsZero() {
		receivedAt = q.a.SubmittedAt.Add(time.Second)
	}
	return decide(policies, &q.a, &q.f, q.spent, receivedAt, q.simulation)
}

// late submits after the expiry, with what that costs in dinars.
func (q *question) late(day string, dinars schema.Fils) {
	q.submitted(day, "10:00:00")
	q.a.Fee.Amount = dinars * schema.Dinar
}

// submitted changes when it was submitted, and paid a minute before that.
func (q *question) submitted(day, at string) {
	q.a.SubmittedAt = clock(day, at)
	q.a.Fee.PaidAt = q.a.SubmittedAt.Add(-time.Minute)
}

// The Civil ID of the questions, and others of the register's form.
const (
	civilID      = schema.CivilID(291030104196)
	otherCivilID = schema.CivilID(279040907388)
	thirdCivilID = schema.CivilID(288070804106)
	badCivilID   = schema.CivilID(291030104197) // its check digit is wrong
)

const sponsorID = schema.SponsorID(204118336)

// under2025 asks for a year for an employee of a company, with everything in order
// and nothing to spare under the policy of 2025.
func under2025() question {
	return sound("2026-03-15", "2026-04-10", 20*schema.Dinar)
}

// under2020 asks the same under the policy of 2020.
func under2020() question {
	q := sound("2020-05-07", "2020-06-01", 10*schema.Dinar)
	q.passportUntil("2021-06-01")
	return q
}

func sound(submitted, expires string, fee schema.Fils) question {
	expiry := date(expires)
	passport := schema.Passport{Number: "P1234567", Country: "IND", ExpiresOn: expiry.AddMonths(6)}
	return question{
		a: schema.Application{
			ID: uuid.MustParse("0197c3a2-5b1e-7c40-8f6e-1d2a3b4c5d6e"), Kind: schema.KindRenewal,
			CivilID: civilID, Article: 18, SponsorID: sponsorID, Months: 12, Passport: passport,
			SubmittedBy: "hr.office@portal", SubmittedAt: clock(submitted, "09:30:00"),
			Fee:       schema.Payment{Receipt: "KNET-000001", Amount: fee, PaidAt: clock(submitted, "09:29:00")},
			Insurance: schema.Insurance{Policy: "MOH-0001", From: expiry.AddDays(1), To: expiry.AddMonths(12)},
		},
		f: facts{
			known: true, resides: true, passport: passport,
			residency: schema.Residency{
				CivilID: civilID, Article: 18, SponsorID: sponsorID, Relation: schema.RelationEmployee, ExpiresOn: expiry,
			},
			sponsor: schema.Sponsor{ID: sponsorID, Kind: schema.SponsorCompany},
		},
	}
}

// months asks for another period, with the insurance and the fee that it takes.
func (q *question) months(n int, dinars schema.Fils) {
	q.a.Months = n
	q.a.Insurance.To = q.f.residency.ExpiresOn.AddMonths(n)
	q.a.Fee.Amount = dinars * schema.Dinar
}

// passportUntil changes the passport, in the register and as it was stated.
func (q *question) passportUntil(day string) {
	q.f.passport.ExpiresOn = date(day)
	q.a.Passport.ExpiresOn = date(day)
}

// withoutResidency leaves the resident in the register, and takes the residency away.
func (q *question) withoutResidency() {
	q.f.resides, q.f.residency = false, schema.Residency{CivilID: q.f.residency.CivilID}
}

// under says under which article, sponsor and relation the residency is held.
func (q *question) under(article schema.Article, kind schema.SponsorKind, relation schema.Relation) {
	q.a.Article, q.f.residency.Article = article, article
	q.f.sponsor.Kind, q.f.residency.Relation = kind, relation
}

// date reads a date that a test has written down.
func date(s string) schema.Date {
	d, err := schema.ParseDate(s)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", s, err))
	}
	return d
}

// clock is a time of a day in Kuwait.
func clock(day, at string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", day+" "+at, schema.Kuwait)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

// codes writes a set of reasons as a table of cases does.
func codes(set schema.Reasons) string { return strings.Join(set.Codes(), " ") }

// reasons reads the codes of a table of cases.
func reasons(t testing.TB, text string) schema.Reasons {
	t.Helper()
	set, err := parseReasons(strings.Fields(text))
	if err != nil {
		t.Fatal(err)
	}
	return set
}
