// Package policy has the rules of residency as data, by the day they came into
// force, and the pure functions that read them. It decides nothing: a consumer
// asks it for a limit, a price or a window and decides. It reads no clock: the caller
// names the day.
//
// The data are in one JSON file per epoch, in a directory that [Load] reads: the one beside
// this file is built in. Each value there names its rule, the sources it was read in and how
// far they can be trusted: A an official body, B the national press quoting one, C a guide, D
// inferred, and "assumed" where nothing was found and the project chose. An officer changes a
// value there, under a new version; the file that it takes the place of goes into the
// sub-directory archive, so that what was decided by it can still be explained.
package policy

import (
	"time"

	"tajdeed/schema"
)

// Case is what the price and the limits of a renewal depend on.
type Case struct {
	Article        schema.Article
	SponsorKind    schema.SponsorKind
	SponsorArticle schema.Article // 0 where the sponsor is not a resident
	Relation       schema.Relation
}

// Policy is the rules of one epoch. It is never changed once loaded, so all its
// methods may be called from everywhere at once; none of them allocates.
type Policy struct {
	// Version names the data that decided, as a decision records it: the resolution, the edition
	// of its file, and the first digits of a digest of what the file says. So
	// "2249-2025@3+1f0c4a" is the third reading of Resolution 2249/2025, and a file that was
	// changed under the same edition is another policy.
	Version string
	// From is the first day on which the policy is in force.
	From schema.Date
	// Basis names the laws and resolutions that it rests on.
	Basis string

	submissionOldest      time.Duration
	submissionAhead       time.Duration
	windowMonths          int
	passportCoversPeriod  bool
	passportWholeYears    bool
	wholeYears            bool
	insuranceCoversPeriod bool
	maxMonths             [articles]int
	fees                  []fee
	fines                 []delay

	// No decision reads these.
	values    []Value
	addresses map[string]string // of the sources, by their keys
}

// articles is the number of values that an article can have.
const articles = 1 << 8

// fee is a row of the fee table: its price is that of every case that meets its
// conditions. A condition of 0 is none.
type fee struct {
	when    Case
	perYear schema.Fils
}

// delay is a row of the fines: what each day after the expiry costs. An article of 0 is any.
type delay struct {
	article     schema.Article
	perDay      schema.Fils
	laterPerDay schema.Fils // after the month
	month       int         // days
	most        schema.Fils
}

const monthsPerYear = 12

// Fee returns the price in fils of a renewal by a number of months: the year's
// fee (rules FEE-17 to FEE-31) for each year or part of one, which is assumed. It
// returns false where no price is known for the case, or no month is asked for.
func (p *Policy) Fee(c Case, months int) (schema.Fils, bool) {
	if months <= 0 {
		return 0, false
	}
	years := (months + monthsPerYear - 1) / monthsPerYear
	for i := range p.fees {
		if p.fees[i].covers(c) {
			return p.fees[i].perYear * schema.Fils(years), true
		}
	}
	return 0, false
}

// Fine returns in fils what a renewal that comes a number of days after the expiry owes beside
// the fee (rules FINE-OLD, FINE-EXP, FINE-20): nothing where it is in time, and false where no
// fine is known. All days are counted at the rate of this policy, which is assumed.
func (p *Policy) Fine(a schema.Article, days int) (schema.Fils, bool) {
	if days <= 0 {
		return 0, true
	}
	for i := range p.fines {
		if f := &p.fines[i]; f.article == 0 || f.article == a {
			first := min(days, f.month)
			owed := schema.Fils(first)*f.perDay + schema.Fils(days-first)*f.laterPerDay
			return min(owed, f.most), true
		}
	}
	return 0, false
}

// covers says whether a case meets the row's conditions.
func (f *fee) covers(c Case) bool {
	return (f.when.Article == 0 || f.when.Article == c.Article) &&
		(f.when.SponsorKind == 0 || f.when.SponsorKind == c.SponsorKind) &&
		(f.when.SponsorArticle == 0 || f.when.SponsorArticle == c.SponsorArticle) &&
		(f.when.Relation == 0 || f.when.Relation == c.Relation)
}

// MaxMonths returns the most months that one renewal under an article may ask
// for: 17/1959 article 12, and the exceptions of 114/2024 for investors and
// owners of real estate. It is 0 for an article that this service does not renew:
// 14 is temporary, 15 and 16 are no residence, others were not in force.
func (p *Policy) MaxMonths(a schema.Article) int { return p.maxMonths[a] }

// WholeYears says whether a renewal under an article is granted for whole years
// only, so that its months are a multiple of twelve (rule PERIODS).
func (p *Policy) WholeYears(schema.Article) bool { return p.wholeYears }

// Plausible says whether an application can have been submitted at one time that the broker
// received at another (rule FLOW-TIME): no longer ago than a channel may take, and no further
// ahead than its clock may be wrong. Both bounds are included.
func (p *Policy) Plausible(submitted, received time.Time) bool {
	ago := received.Sub(submitted)
	return ago <= p.submissionOldest && -ago <= p.submissionAhead
}

// WindowOpens returns the first day on which a renewal may be submitted of a
// residency that expires on a day (rule R-EARLY-P).
func (p *Policy) WindowOpens(expiry schema.Date) schema.Date {
	return expiry.AddMonths(-p.windowMonths)
}

// PassportSuffices says whether a passport that expires on a day is valid for long enough for a
// renewal by a number of months up to an expiry, applied for on a day on which the passport is
// valid. It must be valid until that expiry (rule R-PASS-1), and is counted in whole years: 18
// months of it give one year, and less than 12 none (rule R-PASS-2). Under later rules it need
// be valid on the day only (rule R-PASS-4).
func (p *Policy) PassportSuffices(passport, day, expiry schema.Date, months int) bool {
	years := (months + monthsPerYear - 1) / monthsPerYear
	return (!p.passportCoversPeriod || passport >= expiry) &&
		(!p.passportWholeYears || passport >= day.AddMonths(years*monthsPerYear))
}

// InsuranceCoversPeriod says whether a renewal under an article needs a health
// insurance that covers the whole period asked for (rule R-INS-1). Who is exempt
// from its price is not exempt from having one.
func (p *Policy) InsuranceCoversPeriod(schema.Article) bool { return p.insuranceCoversPeriod }
