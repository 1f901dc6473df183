// Package policies tells people which policies there are: what is in force on a day and why,
// what differs between two, and which rules the service implements. The command policy
// prints it.
//
// It decides nothing and changes no policy: what it tells was read by schema/policy.
package policies

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"

	"tajdeed/dashboards/text"
	"tajdeed/schema"
	"tajdeed/schema/policy"
)

// Shown is the policy in force on a day.
type Shown struct {
	Day     string  `json:"day"`
	Article int     `json:"article,omitempty"` // the only one that is shown; absent where all are
	Version string  `json:"version"`           // as decisions name it, with the digest
	Basis   string  `json:"basis"`
	From    string  `json:"from"`
	Until   string  `json:"until,omitempty"` // the last day; absent where no later policy is known
	Values  []Value `json:"values"`
	// Addresses are those of the sources that the values name, by their keys.
	Addresses map[string]string `json:"addresses"`
}

// Value is one value of a policy.
type Value struct {
	// Path names the value by what it means: "fees[article=18].fils_per_year".
	Path string `json:"path"`
	// Value is written as in the policy's file; the path's last name tells the unit.
	Value          string   `json:"value"`
	Article        int      `json:"article,omitempty"` // of a limit or a fee
	SponsorKind    string   `json:"sponsor_kind,omitempty"`
	SponsorArticle int      `json:"sponsor_article,omitempty"`
	Relation       string   `json:"relation,omitempty"`
	Rule           string   `json:"rule"`
	Sources        []string `json:"sources"`
	Confidence     string   `json:"confidence"` // A, B, C, D or "assumed"
	Note           string   `json:"note,omitempty"`
	// Readings are those that were not chosen, where sources contradict one another.
	Readings []policy.Reading `json:"other_readings,omitempty"`
}

// Show returns the policy in force on a day, with the values that bear on an article; with all
// of them where it is 0. An error begins with what was asked wrongly: at or article.
func Show(set *policy.Set, day schema.Date, article schema.Article) (*Shown, error) {
	p, err := on(set, day)
	if err != nil {
		return nil, fmt.Errorf("at: %w", err)
	}
	if article != 0 && p.MaxMonths(article) == 0 {
		return nil, fmt.Errorf("article %d: %s has no limit for it, so that such a residency is not renewed; it has limits for %s",
			article, p.Version, articlesOf(p))
	}
	s := &Shown{
		Day: day.String(), Article: int(article), Version: p.Version, Basis: p.Basis, From: p.From.String(),
		Values: []Value{}, Addresses: map[string]string{},
	}
	if until, ends := set.Until(p); ends {
		s.Until = until.String()
	}
	addresses := p.Addresses()
	for _, v := range p.Values() {
		if article != 0 && !v.Concerns(article) {
			continue
		}
		s.Values = append(s.Values, valueOf(v))
		for _, key := range v.Keys() {
			s.Addresses[key] = addresses[key]
		}
	}
	return s, nil
}

// articlesOf names the articles that a policy limits.
func articlesOf(p *policy.Policy) string {
	var names []string
	for _, v := range p.Values() {
		if strings.HasPrefix(v.Path, "limits[") {
			names = append(names, strconv.Itoa(int(v.When.Article)))
		}
	}
	return strings.Join(names, ", ")
}

func valueOf(v policy.Value) Value {
	sources := v.Sources
	if sources == nil {
		sources = []string{} // an empty list in JSON, not null
	}
	return Value{
		Path: v.Path, Value: v.Value,
		Article: int(v.When.Article), SponsorKind: v.When.SponsorKind.String(),
		SponsorArticle: int(v.When.SponsorArticle), Relation: v.When.Relation.String(),
		Rule: v.Rule, Sources: sources, Confidence: v.Confidence, Note: v.Note,
		Readings: v.Readings,
	}
}

// WriteJSON writes it as one JSON object, see [Shown].
func (s *Shown) WriteJSON(out io.Writer) error { return text.WriteJSON(out, s) }

// Text is it for a person, within 100 columns.
func (s *Shown) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Policy %s, in force on %s\n\n", s.Version, s.Day)
	text.WriteField(&out, fieldWidth, "Basis", strings.ReplaceAll(wrapped(s.Basis, lineWidth-fieldWidth), "\n", "\n"+strings.Repeat(" ", fieldWidth)))
	text.WriteField(&out, fieldWidth, "In force", span(s.From, s.Until))
	if s.Article != 0 {
		text.WriteField(&out, fieldWidth, "Shown", fmt.Sprintf("what bears on renewals under article %d", s.Article))
	}
	for _, section := range []struct{ title, prefix string }{
		{"Of every renewal", ""},
		{"Most months of one renewal", "limits["},
		{"Fines of a renewal after the expiry; the first article that fits counts", "fines["},
		{"Fees of a year; the first line that fits a case is its price", "fees["},
	} {
		writeValues(&out, section.title, s.of(section.prefix))
	}
	out.WriteString("\nSure: A an official body, B the press quoting one, C a guide, D inferred, assumed where nothing\n" +
		"was found. The sources are explained in schema/policy/SOURCES.md; --json has their addresses.\n")
	return out.String()
}

// The widths of what is laid out, in columns. A line has at most 100.
const (
	lineWidth   = 100
	fieldWidth  = 11
	whatWidth   = 30
	reasonWidth = 35
)

// span names the days on which something is in force.
func span(from, until string) string {
	if until == "" {
		return "from " + from + " on"
	}
	return "from " + from + " until " + until + ", both included"
}

// of returns the values whose paths begin with a prefix; with an empty one, those that are in
// no list.
func (s *Shown) of(prefix string) (values []Value) {
	for _, v := range s.Values {
		listed := strings.Contains(v.Path, "[")
		if prefix == "" && !listed || prefix != "" && strings.HasPrefix(v.Path, prefix) {
			values = append(values, v)
		}
	}
	return values
}

func writeValues(out *strings.Builder, title string, values []Value) {
	if len(values) == 0 {
		return
	}
	t := text.NewTable("What", "Value", "Rule", "Sure", "Sources, and what is said of it")
	for i, v := range values {
		said := evidence(&v)
		if i > 0 && said != "" && v.Rule == values[i-1].Rule && said == evidence(&values[i-1]) {
			said = "as above"
		}
		t.AppendRow(table.Row{wrapped(label(&v), whatWidth), amount(v.Path, v.Value), v.Rule, v.Confidence, said})
	}
	text.WriteTable(out, title, t)
}

// evidence are the sources of a value, and below them what is said of it.
func evidence(v *Value) string {
	lines := append(text.Wrap(strings.Join(v.Sources, ", "), reasonWidth), text.Wrap(v.Note, reasonWidth)...)
	for _, r := range v.Readings {
		by := strings.Join(append([]string{r.Rule, r.Confidence}, r.Sources...), ", ")
		lines = append(lines, text.Wrap(fmt.Sprintf("Not chosen: %s (%s)", r.Reading, by), reasonWidth)...)
	}
	return strings.Join(lines, "\n")
}

// labels are what the values that are neither limits nor fees mean, by their paths.
var labels = map[string]string{
	"from.day":                   "First day",
	"until.day":                  "Last day, as its file says",
	"submission.oldest_hours":    "Submitted before it is received by at most",
	"submission.ahead_minutes":   "Submitted after it is received, by a wrong clock, by at most",
	"window.opens_months_before": "Renewal opens before the expiry by",
	"part_year.counts_as_whole":  "A year begun is paid whole",
	"passport_covers_period":     "The passport must cover the whole period",
	"passport_whole_years":       "The passport counts in whole years",
	"whole_years":                "Renewed for whole years only",
	"fine_month.days":            "The month after which a fine rises has",
	"insurance_covers_period":    "The health insurance must cover the whole period",
}

// label says in words what a value is.
func label(v *Value) string {
	if known, found := labels[v.Path]; found {
		return known
	}
	if name, found := strings.CutPrefix(v.Path, "fines["); found {
		return fineLabel(v.Article, name[strings.Index(name, ".")+1:])
	}
	if v.Article == 0 && v.SponsorKind == "" && v.SponsorArticle == 0 && v.Relation == "" {
		return v.Path
	}
	var said []string
	if v.Article != 0 {
		said = append(said, "Article "+strconv.Itoa(v.Article))
	}
	if v.Relation != "" {
		said = append(said, strings.ReplaceAll(v.Relation, "_", " "))
	}
	if v.SponsorKind != "" {
		said = append(said, "sponsor: "+strings.ReplaceAll(v.SponsorKind, "_", " "))
	}
	if v.SponsorArticle != 0 {
		said = append(said, "sponsor of article "+strconv.Itoa(v.SponsorArticle))
	}
	return strings.Join(said, ", ")
}

// fineLabel says in words what an amount of a fine is.
func fineLabel(article int, name string) string {
	of := "Every article"
	if article != 0 {
		of = "Article " + strconv.Itoa(article)
	}
	return of + ", " + map[string]string{
		"fils_per_day": "a day", "later_fils_per_day": "a day after the month", "most_fils": "at most",
	}[name]
}

// amount writes a value with its unit, which the last name of its path tells.
func amount(path, value string) string {
	name := path[strings.LastIndex(path, ".")+1:]
	switch n, err := strconv.ParseInt(value, 10, 64); {
	case value == "true":
		return "yes"
	case value == "false":
		return "no"
	case err != nil:
		return value
	case name == "fils_per_year", name == "fils_per_day", name == "later_fils_per_day", name == "most_fils":
		return schema.Fils(n).String()
	case name == "days":
		return value + " days"
	case name == "oldest_hours":
		return value + " hours"
	case name == "ahead_minutes":
		return value + " minutes"
	case name == "months", name == "opens_months_before":
		return value + " months"
	}
	return value
}

// wrapped is a text in lines of at most width columns.
func wrapped(s string, width int) string { return strings.Join(text.Wrap(s, width), "\n") }
