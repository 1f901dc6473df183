package policy

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tajdeed/schema"
)

// Value is one value of a policy with where it comes from. No decision reads it: it is kept
// for people, who ask what is in force and why.
type Value struct {
	// Path names the value by what it means and not by where it stands in its file, so that it
	// is the same in every policy: "fees[article=22 relation=other_relative].fils_per_year".
	Path string
	// Value is written as in the file; the path's last name tells the unit.
	Value string
	// When are the conditions of a fee; of a limit it is the article. Else it is empty.
	When Case
	// Rule and Sources are keys of SOURCES.md.
	Rule       string
	Sources    []string
	Confidence string // A, B, C, D or "assumed"
	Note       string
	// Readings are those that were not chosen, where sources contradict one another.
	Readings []Reading
}

// Reading is how sources can be read too, as a policy file says it.
type Reading struct {
	Reading    string   `json:"reading"`
	Rule       string   `json:"rule"`
	Sources    []string `json:"sources"`
	Confidence string   `json:"confidence"`
}

// Values returns all values of the policy in the order of its file. The slice is shared: read
// it only.
func (p *Policy) Values() []Value { return p.values }

// Addresses returns the addresses of the sources that the values name, by their keys.
func (p *Policy) Addresses() map[string]string { return maps.Clone(p.addresses) }

// Keys are those of all the sources that are named, of the readings that were not chosen too.
func (v *Value) Keys() []string { return keysOf(v.Sources, v.Readings) }

// Concerns says whether the value bears on a renewal under an article. One that names no
// article bears on all.
func (v *Value) Concerns(a schema.Article) bool {
	return v.When.Article == 0 || v.When.Article == a
}

// listed returns the file's values for [Policy.Values]. The fees are compiled, in the file's
// order.
func (e *epoch) listed(fees []fee) []Value {
	all := []Value{e.From.at("from.day", e.From.Day)}
	if e.Until != nil {
		all = append(all, e.Until.at("until.day", e.Until.Day))
	}
	all = append(all,
		e.Submission.at("submission.oldest_hours", strconv.Itoa(e.Submission.OldestHours)),
		e.Submission.at("submission.ahead_minutes", strconv.Itoa(e.Submission.AheadMinutes)),
		e.Window.at("window.opens_months_before", strconv.Itoa(e.Window.OpensMonthsBefore)),
		e.PartYear.at("part_year.counts_as_whole", strconv.FormatBool(e.PartYear.CountsAsWhole)),
		e.PassportCoversPeriod.at("passport_covers_period", strconv.FormatBool(e.PassportCoversPeriod.Value)),
	)
	if e.PassportWholeYears != nil {
		all = append(all, e.PassportWholeYears.at("passport_whole_years", strconv.FormatBool(e.PassportWholeYears.Value)))
	}
	all = append(all,
		e.WholeYears.at("whole_years", strconv.FormatBool(e.WholeYears.Value)),
		e.InsuranceCoversPeriod.at("insurance_covers_period", strconv.FormatBool(e.InsuranceCoversPeriod.Value)),
	)
	if e.FineMonth != nil {
		all = append(all, e.FineMonth.at("fine_month.days", strconv.Itoa(e.FineMonth.Days)))
	}
	for _, f := range e.Fines {
		all = append(all, f.listed()...)
	}
	for _, l := range e.Limits {
		when := Case{Article: l.Article}
		v := l.at("limits["+when.String()+"].months", strconv.Itoa(l.Months))
		v.When = when
		all = append(all, v)
	}
	for i, f := range fees {
		v := e.Fees[i].at("fees["+f.when.String()+"].fils_per_year", strconv.FormatInt(int64(f.perYear), 10))
		v.When = f.when
		all = append(all, v)
	}
	return all
}

// listed are the values of a fine, each with where the fine comes from.
func (f *fine) listed() []Value {
	when := Case{Article: f.Article}
	fils := []struct {
		name   string
		amount schema.Fils
	}{{"fils_per_day", f.FilsPerDay}, {"later_fils_per_day", f.LaterFilsPerDay}, {"most_fils", f.MostFils}}
	var all []Value
	for _, x := range fils {
		if x.amount == 0 {
			continue // later the same
		}
		v := f.at("fines["+when.String()+"]."+x.name, strconv.FormatInt(int64(x.amount), 10))
		v.When = when
		all = append(all, v)
	}
	return all
}

// at is the value that the provenance is of, under its path.
func (v *provenance) at(path, value string) Value {
	return Value{
		Path: path, Value: value, Rule: v.Rule, Sources: slices.Clone(v.Sources),
		Confidence: v.Confidence, Note: v.Note, Readings: v.OtherReadings,
	}
}

// String names the conditions of a case as a policy file does: "article=20
// sponsor_kind=mission". What is 0 is no condition.
func (c Case) String() string {
	var named []string
	if c.Article != 0 {
		named = append(named, "article="+strconv.Itoa(int(c.Article)))
	}
	if c.SponsorKind != 0 {
		named = append(named, "sponsor_kind="+c.SponsorKind.String())
	}
	if c.SponsorArticle != 0 {
		named = append(named, "sponsor_article="+strconv.Itoa(int(c.SponsorArticle)))
	}
	if c.Relation != 0 {
		named = append(named, "relation="+c.Relation.String())
	}
	return strings.Join(named, " ")
}
