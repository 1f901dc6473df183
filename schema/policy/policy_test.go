package policy_test

import (
	"strings"
	"testing"

	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// The policies in force on the days of the source article (2020-05-07) and after
// 2249/2025.
const (
	e1 = "957-2019@3"
	e2 = "114-2024@1"
	e3 = "2249-2025@3"
)

func day(t testing.TB, s string) schema.Date {
	t.Helper()
	d, err := schema.ParseDate(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return d
}

func embedded(t testing.TB) *policy.Set {
	t.Helper()
	set, err := policy.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func version(t testing.TB, name string) *policy.Policy {
	t.Helper()
	for _, p := range embedded(t).All() {
		if edition, _, _ := strings.Cut(p.Version, "+"); edition == name {
			return p
		}
	}
	t.Fatalf("no policy %s", name)
	return nil
}

func TestOn(t *testing.T) {
	for _, c := range []struct{ day, version string }{
		{"2019-12-31", ""},
		{"2020-01-01", e1}, // assumed first day of E1
		{"2020-05-07", e1}, // the source article
		{"2025-01-04", e1},
		{"2025-01-05", e2}, // 114/2024 changed the fines only
		{"2025-12-22", e2},
		{"2025-12-23", e3},
		{"2026-06-01", e3},
	} {
		t.Run(c.day, func(t *testing.T) {
			p, ok := embedded(t).On(day(t, c.day))
			if ok != (c.version != "") {
				t.Fatalf("in force = %v", ok)
			}
			if ok && p != version(t, c.version) {
				t.Fatalf("version %s, want %s", p.Version, c.version)
			}
		})
	}
}

// noPrice means in the table of fees that no price is known for a case.
const noPrice schema.Fils = -1

func TestFeePerYear(t *testing.T) {
	family := func(sponsorArticle schema.Article) policy.Case {
		return policy.Case{
			Article: 22, SponsorKind: schema.SponsorResident,
			SponsorArticle: sponsorArticle, Relation: schema.RelationSpouseOrChild,
		}
	}
	domestic := func(kind schema.SponsorKind) policy.Case {
		return policy.Case{Article: 20, SponsorKind: kind, Relation: schema.RelationDomesticWorker}
	}
	relative := func(article schema.Article) policy.Case {
		return policy.Case{
			Article: article, SponsorKind: schema.SponsorResident,
			SponsorArticle: 18, Relation: schema.RelationOtherRelative,
		}
	}
	for _, c := range []struct {
		rule   string
		asked  policy.Case
		e1, e3 schema.Fils // in dinars
	}{
		{"FEE-17", policy.Case{Article: 17, SponsorKind: schema.SponsorGovernment}, 10, 20},
		{"FEE-17 mission", policy.Case{Article: 17, SponsorKind: schema.SponsorMission}, 10, 20},
		{"FEE-18", policy.Case{Article: 18, SponsorKind: schema.SponsorCompany}, 10, 20},
		{"FEE-19", policy.Case{Article: 19}, 10, 50},
		{"FEE-20K", domestic(schema.SponsorKuwaitiHousehold), 10, 10},
		{"FEE-20X", domestic(schema.SponsorExpatriateHousehold), 10, 50},
		{"FEE-20X mission", domestic(schema.SponsorMission), 10, 50},
		{"no fee for a domestic worker of a company", domestic(schema.SponsorCompany), noPrice, noPrice},
		{"FEE-21", policy.Case{Article: 21}, 10, 50},
		{"FEE-22a", family(17), 10, 20},
		{"FEE-22b", family(18), 10, 20},
		{"FEE-22c", family(23), 10, 20},
		{"FEE-22d partner", family(19), 10, 40},
		{"FEE-22d investor", family(21), 10, 40},
		{"FEE-22d owner", family(25), noPrice, 40},
		{"FEE-22d clergy", family(31), noPrice, 40},
		{"FEE-22e", family(24), 10, 100},
		{"FEE-22f", relative(22), 200, 300},
		{"FEE-22f moved to 29", relative(29), noPrice, 300},
		{"no fee for the family of a Kuwaiti", family(0), noPrice, noPrice},
		{"no fee for the family of a domestic worker", family(20), noPrice, noPrice},
		{"FEE-23", policy.Case{Article: 23}, 10, 20},
		{"FEE-24", policy.Case{Article: 24, SponsorKind: schema.SponsorSelf}, 10, 500},
		{"FEE-25", policy.Case{Article: 25}, noPrice, 50},
		{"FEE-30", policy.Case{Article: 30}, noPrice, 20},
		{"FEE-31", policy.Case{Article: 31}, noPrice, 20},
		{"no fee for temporary residence", policy.Case{Article: 14}, noPrice, noPrice},
		{"no fee for nothing", policy.Case{}, noPrice, noPrice},
	} {
		t.Run(c.rule, func(t *testing.T) {
			wantFee(t, e1, c.asked, 12, c.e1)
			wantFee(t, e3, c.asked, 12, c.e3)
		})
	}
}

func wantFee(t *testing.T, name string, c policy.Case, months int, dinars schema.Fils) {
	t.Helper()
	got, ok := version(t, name).Fee(c, months)
	if want := dinars != noPrice; ok != want {
		t.Fatalf("%s: a price for %d months is known: %v, want %v", name, months, ok, want)
	}
	if ok && got != dinars*schema.Dinar {
		t.Fatalf("%s: %d months are %v, want %v", name, months, got, dinars*schema.Dinar)
	}
}

func TestFeeCountsYearsBegun(t *testing.T) {
	worker := policy.Case{Article: 18, SponsorKind: schema.SponsorCompany}
	for _, c := range []struct {
		months int
		dinars schema.Fils
	}{
		{-1, noPrice}, {0, noPrice}, {1, 20}, {11, 20}, {12, 20}, {13, 40}, {24, 40}, {60, 100},
	} {
		wantFee(t, e3, worker, c.months, c.dinars)
	}
}

func TestMaxMonths(t *testing.T) {
	want := map[string]map[schema.Article]int{
		e1: {17: 60, 18: 60, 19: 60, 20: 60, 21: 60, 22: 60, 23: 60, 24: 60},
		e3: {17: 60, 18: 60, 19: 60, 20: 60, 21: 180, 22: 60, 23: 60, 24: 60, 25: 120, 29: 60, 30: 60, 31: 60},
	}
	for name, limits := range want {
		p := version(t, name)
		for a := range 256 {
			// Not listed: 14 temporary, 15 and 16 no residence, the rest unknown.
			article := schema.Article(a)
			if got := p.MaxMonths(article); got != limits[article] {
				t.Errorf("%s, article %d: %d months, want %d", name, article, got, limits[article])
			}
		}
	}
}

func TestPeriodsAndInsurance(t *testing.T) {
	for _, name := range []string{e1, e3} { // PERIODS, R-INS-1
		if p := version(t, name); p.WholeYears(18) || !p.InsuranceCoversPeriod(18) {
			t.Errorf("%s: whole years %v, insurance covers %v", name, p.WholeYears(18), p.InsuranceCoversPeriod(18))
		}
	}
}

// Applied for on 2021-03-10, of a residency that expires on 2021-04-01 (K2D-P, TK-P, PIL for
// R-PASS-1; QK, AT-6M, KT-FINE, GN-6M for R-PASS-2; KT2, HELM for R-PASS-4).
func TestPassportSuffices(t *testing.T) {
	for _, c := range []struct {
		name     string
		months   int
		passport string
		e1       bool
	}{
		{"R-PASS-1: a year, up to the new expiry", 12, "2022-04-01", true},
		{"R-PASS-1: a year, a day less", 12, "2022-03-31", false},
		{"R-PASS-2: half a year, with a year of passport", 6, "2022-03-10", true},
		{"R-PASS-2: half a year, a day less", 6, "2022-03-09", false},
		{"R-PASS-2: a month, with less than a year of passport", 1, "2021-12-31", false},
		{"R-PASS-2: 18 months of passport give a year", 12, "2022-09-10", true},
		{"R-PASS-2: 18 months, with two years of passport", 18, "2023-03-10", true},
		{"R-PASS-2: 18 months, a day less", 18, "2023-03-09", false},
		{"R-PASS-2: 13 months, with 18 of passport", 13, "2022-09-10", false},
		{"R-PASS-1: two years, up to the new expiry", 24, "2023-04-01", true},
		{"R-PASS-1: two years, a day less", 24, "2023-03-31", false},
		{"the day itself", 12, "2021-03-10", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			applied, expires := day(t, "2021-03-10"), day(t, "2021-04-01")
			for name, want := range map[string]bool{e1: c.e1, e3: true} { // R-PASS-4
				got := version(t, name).PassportSuffices(day(t, c.passport), applied, expires.AddMonths(c.months), c.months)
				if got != want {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		})
	}
}

// Days of delay: the first is the day after the expiry.
func TestFine(t *testing.T) {
	for _, c := range []struct {
		name     string
		version  string
		article  schema.Article
		days     int
		inDinars schema.Fils
	}{
		{"in time", e3, 18, 0, 0},
		{"weeks before", e3, 18, -40, 0},
		{"FINE-EXP: a day (HAM, ZAW-F)", e3, 18, 1, 2},
		{"FINE-EXP: the month", e3, 18, 30, 60},
		{"FINE-EXP: a day after the month", e3, 18, 31, 64},
		{"FINE-EXP: the last day below the cap", e3, 18, 314, 1196},
		{"FINE-EXP: the cap", e3, 18, 315, 1200},
		{"FINE-EXP: beyond the cap", e3, 18, 5000, 1200},
		{"FINE-EXP: from 2025-01-05 on", e2, 22, 31, 64},
		{"FINE-20: a day (KUNA-F)", e3, 20, 1, 2},
		{"FINE-20: a day after the month", e3, 20, 31, 62},
		{"FINE-20: the last day below the cap", e2, 20, 299, 598},
		{"FINE-20: the cap", e2, 20, 300, 600},
		{"FINE-20: beyond the cap", e3, 20, 301, 600},
		{"FINE-OLD: a day (KT-SEP, BLOOM)", e1, 18, 1, 2},
		{"FINE-OLD: a day after the month", e1, 18, 31, 62},
		{"FINE-OLD: the last day below the cap", e1, 18, 299, 598},
		{"FINE-OLD: the cap", e1, 18, 300, 600},
		{"FINE-OLD: a domestic worker, beyond the cap", e1, 20, 900, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, known := version(t, c.version).Fine(c.article, c.days)
			if !known || got != c.inDinars*schema.Dinar {
				t.Errorf("%s, %v, want KWD %d", got, known, c.inDinars)
			}
		})
	}
}

func TestWindowOpensTwoMonthsBefore(t *testing.T) {
	for _, c := range []struct{ expiry, opens string }{
		{"2026-06-15", "2026-04-15"},
		{"2026-01-31", "2025-11-30"},
		{"2026-04-30", "2026-02-28"},
		{"2028-04-30", "2028-02-29"},
		{"2026-02-01", "2025-12-01"},
	} {
		for _, p := range embedded(t).All() { // R-EARLY-P in both epochs
			if got := p.WindowOpens(day(t, c.expiry)); got != day(t, c.opens) {
				t.Errorf("%s: expiry %s opens %s, want %s", p.Version, c.expiry, got, c.opens)
			}
		}
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	submitted, expiry := day(t, "2026-03-01"), day(t, "2026-04-01")
	if n := testing.AllocsPerRun(100, func() { lookUp(t, submitted, expiry) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

// BenchmarkLookUp asks all that a decision asks: the worker decides up to 60,000
// applications a second.
func BenchmarkLookUp(b *testing.B) {
	submitted, expiry := day(b, "2026-03-01"), day(b, "2026-04-01")
	b.ReportAllocs()
	for b.Loop() {
		lookUp(b, submitted, expiry)
	}
}

// lookUp asks for the case that stands last in the table of fees.
func lookUp(t testing.TB, submitted, expiry schema.Date) {
	p, ok := embedded(t).On(submitted)
	if !ok {
		t.Fatal("no policy")
	}
	if _, ok := p.Fee(policy.Case{Article: 31, SponsorKind: schema.SponsorSelf, Relation: schema.RelationSelf}, 24); !ok {
		t.Fatal("no fee")
	}
	if p.MaxMonths(31) < 24 || p.WholeYears(31) || p.WindowOpens(expiry) > submitted ||
		!p.PassportSuffices(submitted, submitted, expiry, 24) || !fined(p) || !p.InsuranceCoversPeriod(31) {
		t.Fatal("refused")
	}
}

func fined(p *policy.Policy) bool {
	owed, known := p.Fine(31, 40)
	return known && owed == 100*schema.Dinar
}
