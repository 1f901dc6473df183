package renewals

import (
	"testing"
	"time"

	"tajdeed/schema"
)

// A case changes one thing in a question that has everything in order, and says
// which reasons it is then rejected for: none where it is approved.
type decideCase struct {
	name   string
	change func(*question)
	want   string
}

var casesOf2025 = []decideCase{
	{"everything in order", func(*question) {}, ""},

	{"Civil ID with a wrong check digit", func(q *question) { q.a.CivilID = badCivilID }, "civil_id_invalid"},
	{"resident not in the register", func(q *question) { q.f = facts{} }, "identity_mismatch"},
	{"passport and sponsor of somebody else", func(q *question) { q.a.SponsorID++; q.a.Passport.Number = "P7654321" }, "identity_mismatch"},
	{"no residency, and the passport of somebody else", func(q *question) { q.withoutResidency(); q.a.Passport.Number = "P7654321" }, "identity_mismatch"},
	{"resident without a residency", func(q *question) { q.withoutResidency() }, "residency_unknown"},

	{"another article than held", func(q *question) { q.a.Article = 22 }, "article_mismatch"},
	{"another sponsor than held", func(q *question) { q.a.SponsorID++ }, "sponsor_mismatch"},
	{"another passport number", func(q *question) { q.a.Passport.Number = "P7654321" }, "passport_mismatch"},
	{"another passport country", func(q *question) { q.a.Passport.Country = "EGY" }, "passport_mismatch"},
	{"another passport expiry", func(q *question) { q.a.Passport.ExpiresOn++ }, "passport_mismatch"},

	{"first moment of the window", func(q *question) { q.submitted("2026-02-10", "00:00:00") }, ""},
	{"last moment before the window", func(q *question) { q.submitted("2026-02-09", "23:59:59.999999999") }, "window_not_open"},
	{"last moment of the residency", func(q *question) { q.submitted("2026-04-10", "23:59:59.999999999") }, ""},
	{"FINE-EXP: first moment after the residency, and the fee alone", func(q *question) { q.submitted("2026-04-11", "00:00:00") }, "fee_mismatch"},
	{"FINE-EXP: a day late, with the fine", func(q *question) { q.late("2026-04-11", 22) }, ""},
	{"FINE-EXP: a day late, with a fils too little", func(q *question) { q.late("2026-04-11", 22); q.a.Fee.Amount-- }, "fee_mismatch"},
	{"FINE-EXP: the month late", func(q *question) { q.late("2026-05-10", 80) }, ""},
	{"FINE-EXP: a day more than the month", func(q *question) { q.late("2026-05-11", 84) }, ""},
	{"FINE-EXP: a day more than the month, at the first rate", func(q *question) { q.late("2026-05-11", 82) }, "fee_mismatch"},
	{"FINE-EXP: the cap", func(q *question) { q.late("2027-04-10", 1220); q.passportUntil("2030-01-01") }, ""},
	{"FINE-20: a domestic worker, a day more than the month", func(q *question) {
		q.under(20, schema.SponsorKuwaitiHousehold, schema.RelationDomesticWorker)
		q.late("2026-05-11", 72)
	}, ""},
	{"FINE-LATE: the period reaches the day", func(q *question) { q.late("2027-04-10", 1220); q.passportUntil("2030-01-01") }, ""},
	{"FINE-LATE: the period is over", func(q *question) { q.late("2027-04-11", 1220); q.passportUntil("2030-01-01") }, "period_over"},
	{"FINE-LATE: insurance from the day", func(q *question) { q.late("2026-04-20", 40); q.a.Insurance.From = date("2026-04-20") }, ""},
	{"FINE-LATE: insurance from a day later", func(q *question) { q.late("2026-04-20", 40); q.a.Insurance.From = date("2026-04-21") }, "insurance_short"},
	{"FINE-EXP: what is not renewed here", func(q *question) {
		q.under(14, schema.SponsorCompany, schema.RelationEmployee)
		q.late("2026-04-20", 40)
	}, "article_not_renewable"},

	{"passport expires on the day", func(q *question) { q.passportUntil("2026-03-15") }, ""},
	{"passport expired the day before", func(q *question) { q.passportUntil("2026-03-14") }, "passport_expired"},
	{"passport ends a day before the new expiry", func(q *question) { q.passportUntil("2027-04-09") }, ""},

	{"temporary residence", func(q *question) { q.under(14, schema.SponsorCompany, schema.RelationEmployee) }, "article_not_renewable"},
	{"domestic worker of a company, who has no price", func(q *question) {
		q.under(20, schema.SponsorCompany, schema.RelationDomesticWorker)
	}, "no_price"},
	{"no price, and another sponsor than held", func(q *question) {
		q.under(20, schema.SponsorCompany, schema.RelationDomesticWorker)
		q.a.SponsorID++
	}, "sponsor_mismatch no_price"},
	{"domestic worker of a Kuwaiti household", func(q *question) {
		q.under(20, schema.SponsorKuwaitiHousehold, schema.RelationDomesticWorker)
		q.months(12, 10)
	}, ""},
	{"the fee follows the sponsor's article", func(q *question) {
		q.under(22, schema.SponsorResident, schema.RelationSpouseOrChild)
		q.f.sponsor.Article = 24
		q.months(12, 100)
	}, ""},
	{"months at the limit", func(q *question) { q.months(60, 100) }, ""},
	{"a month over the limit", func(q *question) { q.months(61, 120) }, "months_over_limit"},
	{"a part of a year", func(q *question) { q.months(13, 40) }, ""},

	{"no fee", func(q *question) { q.a.Fee = schema.Payment{} }, "fee_missing"},
	{"a fils too little", func(q *question) { q.a.Fee.Amount-- }, "fee_mismatch"},
	{"a fils too much", func(q *question) { q.a.Fee.Amount++ }, "fee_mismatch"},

	{"a receipt that is spent", func(q *question) { q.spent = true }, "receipt_used"},
	{"a receipt that is spent, and too little", func(q *question) { q.spent = true; q.a.Fee.Amount-- }, "fee_mismatch receipt_used"},
	{"paid at the moment of submission", func(q *question) { q.a.Fee.PaidAt = q.a.SubmittedAt }, ""},
	{"paid a nanosecond after it", func(q *question) { q.a.Fee.PaidAt = q.a.SubmittedAt.Add(1) }, "fee_paid_after_submission"},

	{"received as long after as may be", func(q *question) { q.receivedAt = q.a.SubmittedAt.Add(24 * time.Hour) }, ""},
	{"received later than that", func(q *question) { q.receivedAt = q.a.SubmittedAt.Add(24*time.Hour + 1) }, "submission_time_implausible"},
	{"submitted as far ahead as may be", func(q *question) { q.receivedAt = q.a.SubmittedAt.Add(-5 * time.Minute) }, ""},
	{"submitted further ahead", func(q *question) { q.receivedAt = q.a.SubmittedAt.Add(-5*time.Minute - 1) }, "submission_time_implausible"},
	{"in another year, in a simulation", func(q *question) { q.receivedAt, q.simulation = clock("2027-01-01", "12:00:00"), true }, ""},

	{"no insurance", func(q *question) { q.a.Insurance = schema.Insurance{} }, "insurance_missing"},
	{"insurance from long before", func(q *question) { q.a.Insurance.From = date("2025-01-01") }, ""},
	{"insurance from two days after the expiry", func(q *question) { q.a.Insurance.From++ }, "insurance_short"},
	{"insurance to a day after the new expiry", func(q *question) { q.a.Insurance.To++ }, ""},
	{"insurance to a day before the new expiry", func(q *question) { q.a.Insurance.To-- }, "insurance_short"},

	{"no policy in force", func(q *question) { q.submitted("2019-12-31", "23:59:59") }, "no_policy"},
	{"no policy in force, and another passport", func(q *question) {
		q.submitted("2019-12-31", "23:59:59")
		q.a.Passport.Number = "P7654321"
	}, "passport_mismatch no_policy"},
}

var casesOf2020 = []decideCase{
	{"everything in order", func(*question) {}, ""},
	{"FINE-OLD: a day more than a month late", func(q *question) {
		q.late("2020-07-02", 72)
		q.passportUntil("2030-01-01")
	}, ""},
	{"FINE-OLD: at the later rate of today", func(q *question) {
		q.late("2020-07-02", 74)
		q.passportUntil("2030-01-01")
	}, "fee_mismatch"},
	{"passport ends on the new expiry", func(q *question) { q.passportUntil("2021-06-01") }, ""},
	{"passport ends a day before the new expiry", func(q *question) { q.passportUntil("2021-05-31") }, "passport_too_short"},
	{"passport expires on the day", func(q *question) { q.passportUntil("2020-05-07") }, "passport_too_short"},
	{"passport expired the day before", func(q *question) { q.passportUntil("2020-05-06") }, "passport_expired"},
	{"R-PASS-2: a part of a year, with two years of passport", func(q *question) {
		q.months(13, 20)
		q.passportUntil("2022-05-07")
	}, ""},
	{"R-PASS-2: a part of a year, with a day less", func(q *question) {
		q.months(13, 20)
		q.passportUntil("2022-05-06")
	}, "passport_too_short"},
	{"R-PASS-2: half a year, with less than a year of passport", func(q *question) {
		q.months(6, 10)
		q.passportUntil("2021-05-06")
	}, "passport_too_short"},
	{"R-PASS-2: half a year, with a year of passport", func(q *question) {
		q.months(6, 10)
		q.passportUntil("2021-05-07")
	}, ""},
	{"two years", func(q *question) {
		q.months(24, 20)
		q.passportUntil("2022-06-01")
	}, ""},
	{"the limit and a year", func(q *question) {
		q.months(72, 60)
		q.passportUntil("2030-01-01")
	}, "months_over_limit"},
	{"the limit and a month", func(q *question) {
		q.months(61, 60)
		q.passportUntil("2030-01-01")
	}, "months_over_limit"},
	{"the fee of 2025", func(q *question) { q.a.Fee.Amount = 20 * schema.Dinar }, "fee_mismatch"},
	{"owner of real estate, who was not known yet", func(q *question) {
		q.under(25, schema.SponsorSelf, schema.RelationSelf)
	}, "article_not_renewable"},
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, epoch := range []struct {
		policy string
		ask    func() question
		cases  []decideCase
	}{
		{policy2025, under2025, casesOf2025},
		{policy2020, under2020, casesOf2020},
	} {
		for _, c := range epoch.cases {
			t.Run(epoch.policy+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				q := epoch.ask()
				c.change(&q)
				got, again := q.decide(), q.decide()
				if want := reasons(t, c.want); got.reasons != want {
					t.Errorf("reasons %q, want %q", codes(got.reasons), codes(want))
				}
				if got != again {
					t.Errorf("asked again it says %+v, before it said %+v", again, got)
				}
			})
		}
	}
}

// What is approved says the fee, the policy, and both expiries.
func TestApprovalSaysWhatFollows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  func() question
		want verdict
	}{
		{"2025", under2025, verdict{
			policy: policy2025, feeDue: 20 * schema.Dinar, oldExpiry: date("2026-04-10"), newExpiry: date("2027-04-10"),
		}},
		{"2020", under2020, verdict{
			policy: policy2020, feeDue: 10 * schema.Dinar, oldExpiry: date("2020-06-01"), newExpiry: date("2021-06-01"),
		}},
	} {
		q := c.ask()
		if got := q.decide(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// What is rejected says what it can: the fee where there is a price, the expiry
// where there is a residency, and never a new one.
func TestRejectionSaysWhatItKnows(t *testing.T) {
	t.Parallel()
	expiry, fee := date("2026-04-10"), 20*schema.Dinar
	for _, c := range []struct {
		name   string
		change func(*question)
		want   verdict
	}{
		{"invalid Civil ID", func(q *question) { q.a.CivilID = badCivilID }, verdict{policy: policy2025}},
		{"unknown resident", func(q *question) { q.f = facts{} }, verdict{policy: policy2025}},
		{"who does not know the resident", func(q *question) { q.a.SponsorID++; q.a.Passport.Number = "P7654321" }, verdict{policy: policy2025}},
		{"no residency", func(q *question) { q.withoutResidency() }, verdict{policy: policy2025}},
		{"no fee", func(q *question) { q.a.Fee = schema.Payment{} }, verdict{policy: policy2025, feeDue: fee, oldExpiry: expiry}},
		{"no price", func(q *question) { q.under(14, schema.SponsorCompany, schema.RelationEmployee) }, verdict{policy: policy2025, oldExpiry: expiry}},
		{"no policy", func(q *question) { q.submitted("2019-12-31", "12:00:00") }, verdict{policy: noPolicy, oldExpiry: expiry}},
	} {
		q := under2025()
		c.change(&q)
		got := q.decide()
		if got.reasons == 0 || got.outcome() != schema.OutcomeRejected {
			t.Errorf("%s: it is not rejected", c.name)
		}
		if got.reasons = 0; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// The policy is that of the day of submission in Kuwait, to the moment.
func TestPolicyIsThatOfTheDayInKuwait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ day, at, policy string }{
		{"2019-12-31", "23:59:59.999999999", noPolicy},
		{"2020-01-01", "00:00:00", policy2020},
		{"2025-01-04", "23:59:59.999999999", policy2020},
		{"2025-01-05", "00:00:00", policy2024},
		{"2025-12-22", "23:59:59.999999999", policy2024},
		{"2025-12-23", "00:00:00", policy2025},
	} {
		q := under2025()
		q.submitted(c.day, c.at)
		if got := q.decide(); got.policy != c.policy {
			t.Errorf("%s %s: policy %s, want %s", c.day, c.at, got.policy, c.policy)
		}
	}
}

// Months end on the last day of a shorter month, and the insurance need not reach
// further.
func TestEndOfMonth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		expires string
		months  int
		want    string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2028-01-31", 1, "2028-02-29"},
		{"2026-03-31", 1, "2026-04-30"},
		{"2028-02-29", 12, "2029-02-28"},
		{"2026-02-28", 1, "2026-03-28"},
		{"2026-12-31", 2, "2027-02-28"},
	} {
		q := sound(c.expires, c.expires, 20*schema.Dinar)
		q.months(c.months, 20)
		got := q.decide()
		if got.reasons != 0 || got.newExpiry != date(c.want) {
			t.Errorf("%s and %d months: until %s for %q, want %s", c.expires, c.months, got.newExpiry, codes(got.reasons), c.want)
		}
	}
}

// A channel that states another day than the broker's is decided by the broker's: it cannot
// choose the cheaper rules, and is told what else would be wrong under those that hold.
func TestImplausibleTimeChoosesNoPrice(t *testing.T) {
	t.Parallel()
	q := sound("2025-12-22", "2026-01-31", 10*schema.Dinar)
	q.passportUntil("2030-01-01")
	if got := q.decide(); got.reasons != 0 || got.policy != policy2024 {
		t.Fatalf("on its day: %q by %s", codes(got.reasons), got.policy)
	}
	q.receivedAt = clock("2025-12-23", "09:30:01") // a day and a second later
	got := q.decide()
	if want := reasons(t, "submission_time_implausible fee_mismatch"); got.reasons != want || got.policy != policy2025 || got.feeDue != 20*schema.Dinar {
		t.Errorf("%q by %s, fee %s", codes(got.reasons), got.policy, got.feeDue)
	}
}

// Who knows neither passport nor sponsor gets the same answer whether or not the resident is
// in the register, but for what the message shows by itself.
func TestNothingIsDisclosedToStrangers(t *testing.T) {
	t.Parallel()
	for _, message := range []struct {
		name   string
		change func(*question)
	}{
		{"whole", func(*question) {}},
		{"without a fee", func(q *question) { q.a.Fee = schema.Payment{} }},
		{"without insurance", func(q *question) { q.a.Insurance = schema.Insurance{} }},
		{"paid late", func(q *question) { q.a.Fee.PaidAt = q.a.SubmittedAt.Add(time.Hour) }},
		{"of another time", func(q *question) { q.receivedAt = q.a.SubmittedAt.AddDate(0, 0, 3) }},
		{"with the wrong fee, for another article, far too early", func(q *question) {
			q.a.Article, q.a.Fee.Amount = 22, 1
			q.a.SubmittedAt, q.a.Fee.PaidAt = q.a.SubmittedAt.AddDate(0, -3, 0), q.a.Fee.PaidAt.AddDate(0, -3, 0)
		}},
	} {
		t.Run(message.name, func(t *testing.T) {
			t.Parallel()
			stranger := under2025()
			message.change(&stranger)
			stranger.a.SponsorID++
			stranger.a.Passport.Number = "P7654321"
			known, expired, unknown := stranger, stranger, stranger
			expired.f.residency.ExpiresOn = expired.f.residency.ExpiresOn.AddMonths(-12)
			unknown.f = facts{}
			want := known.decide()
			if !want.reasons.Has(schema.ReasonIdentityMismatch) || want.feeDue != 0 || want.oldExpiry != 0 {
				t.Errorf("a stranger is told %+v", want)
			}
			for name, q := range map[string]question{"whose residency has expired": expired, "who is not in the register": unknown} {
				if got := q.decide(); got != want {
					t.Errorf("of one %s: %+v, else %+v", name, got, want)
				}
			}
		})
	}
}
