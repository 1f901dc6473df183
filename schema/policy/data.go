package policy

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"tajdeed/schema"
)

//go:embed *.json
var epochs embed.FS

// loaded parses the embedded data once. An error is a fault of the build.
var loaded = sync.OnceValues(func() ([]*Policy, error) { return load(epochs) })

// Check returns what is wrong with the policies built into the program, nil where nothing
// is. The error names the file and, where one value is wrong, its path and its rule:
// "policy 2249-2025.json: fees[17] (rule FEE-24): fils_per_year is missing or out of
// range". A process that decides calls it before it reads the first message.
func Check() error {
	_, err := loaded()
	return err
}

// epoch is a policy's file.
type epoch struct {
	Version               string            `json:"version"`
	Basis                 string            `json:"basis"`
	From                  boundary          `json:"from"`
	Until                 *boundary         `json:"until"` // for readers: the next file's day is what counts
	Submission            submission        `json:"submission"`
	Window                window            `json:"window"`
	PartYear              partYear          `json:"part_year"`
	PassportCoversPeriod  flag              `json:"passport_covers_period"`
	WholeYears            flag              `json:"whole_years"`
	InsuranceCoversPeriod flag              `json:"insurance_covers_period"`
	Limits                []limit           `json:"limits"`
	Fees                  []price           `json:"fees"`
	Sources               map[string]string `json:"sources"` // the sources' addresses by their keys
}

// provenance is where a value comes from.
type provenance struct {
	Rule       string   `json:"rule"`
	Sources    []string `json:"sources"`
	Confidence string   `json:"confidence"`
	Note       string   `json:"note"`
}

type boundary struct {
	Day string `json:"day"`
	provenance
}

// submission bounds the time at which a channel says that an application was submitted, by
// the broker's time of its message.
type submission struct {
	OldestHours  int `json:"oldest_hours"`
	AheadMinutes int `json:"ahead_minutes"`
	provenance
}

type window struct {
	OpensMonthsBefore int `json:"opens_months_before"`
	provenance
}

type partYear struct {
	CountsAsWhole bool `json:"counts_as_whole"`
	provenance
}

type flag struct {
	Value bool `json:"value"`
	provenance
}

type limit struct {
	Article schema.Article `json:"article"`
	Months  int            `json:"months"`
	provenance
}

type price struct {
	Article        schema.Article `json:"article"`
	SponsorKind    string         `json:"sponsor_kind"`
	SponsorArticle schema.Article `json:"sponsor_article"`
	Relation       string         `json:"relation"`
	FilsPerYear    *schema.Fils   `json:"fils_per_year"` // a pointer: a missing price is not 0
	provenance
}

// load reads every policy file of a folder, and returns them by their first day.
func load(folder fs.FS) ([]*Policy, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("policy: there is no file")
	}
	var all []*Policy
	for _, name := range names {
		p, err := loadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *Policy) int { return int(a.From) - int(b.From) })
	if err := distinct(all); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return all, nil
}

// distinct returns an error where two policies share a first day or a version.
func distinct(all []*Policy) error {
	versions := map[string]bool{}
	for i, p := range all {
		if i > 0 && p.From == all[i-1].From {
			return fmt.Errorf("%s and %s come into force on the same day", all[i-1].Version, p.Version)
		}
		if versions[p.Version] {
			return fmt.Errorf("two files have the version %s", p.Version)
		}
		versions[p.Version] = true
	}
	return nil
}

func loadFile(folder fs.FS, name string) (*Policy, error) {
	raw, err := fs.ReadFile(folder, name)
	if err != nil {
		return nil, err
	}
	var e epoch
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		return nil, err
	}
	if err := e.validate(); err != nil {
		return nil, err
	}
	return e.compile()
}

// compile makes the policy of a file.
func (e *epoch) compile() (*Policy, error) {
	from, err := schema.ParseDate(e.From.Day)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	p := &Policy{
		Version:               e.Version,
		From:                  from,
		submissionOldest:      time.Duration(e.Submission.OldestHours) * time.Hour,
		submissionAhead:       time.Duration(e.Submission.AheadMinutes) * time.Minute,
		windowMonths:          e.Window.OpensMonthsBefore,
		passportCoversPeriod:  e.PassportCoversPeriod.Value,
		wholeYears:            e.WholeYears.Value,
		insuranceCoversPeriod: e.InsuranceCoversPeriod.Value,
	}
	for _, l := range e.Limits {
		p.maxMonths[l.Article] = l.Months
	}
	for i, row := range e.Fees {
		f, err := row.compile()
		if err != nil {
			return nil, fmt.Errorf("fees[%d] (rule %s): %w", i, row.Rule, err)
		}
		p.fees = append(p.fees, f)
	}
	return p, nil
}

func (row *price) compile() (fee, error) {
	f := fee{perYear: *row.FilsPerYear}
	f.when.Article, f.when.SponsorArticle = row.Article, row.SponsorArticle
	var known bool
	if f.when.SponsorKind, known = schema.ParseSponsorKind(row.SponsorKind); !known && row.SponsorKind != "" {
		return fee{}, fmt.Errorf("no sponsor_kind is called %q", row.SponsorKind)
	}
	if f.when.Relation, known = schema.ParseRelation(row.Relation); !known && row.Relation != "" {
		return fee{}, fmt.Errorf("no relation is called %q", row.Relation)
	}
	return f, nil
}

// versionForm is the form that a policy's version has in the record and in messages.
var versionForm = regexp.MustCompile(`^[A-Za-z0-9.@-]{1,32}$`)

// validate checks what the types don't: that each value is in its range and says
// where it comes from. It returns all that is wrong.
func (e *epoch) validate() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	check(versionForm.MatchString(e.Version), "version %q is not of the form %s", e.Version, versionForm)
	check(e.Basis != "", "basis is missing")
	check(e.Submission.OldestHours > 0 && e.Submission.AheadMinutes > 0, "submission.oldest_hours or submission.ahead_minutes is not positive")
	check(e.Window.OpensMonthsBefore > 0, "window.opens_months_before is not positive")
	check(e.PartYear.CountsAsWhole, "part_year.counts_as_whole: no other price of a part of a year is known")
	check(len(e.Fees) > 0, "fees are missing")
	limited := map[schema.Article]bool{}
	for i, l := range e.Limits {
		check(l.Article > 0 && l.Months > 0, "limits[%d] (rule %s): article and months must be positive", i, l.Rule)
		check(!limited[l.Article], "limits[%d] (rule %s): article %d has a limit already", i, l.Rule, l.Article)
		limited[l.Article] = true
	}
	for i, row := range e.Fees {
		check(row.Article == 0 || limited[row.Article], "fees[%d] (rule %s): article %d has a price and no limit", i, row.Rule, row.Article)
		check(row.FilsPerYear != nil && *row.FilsPerYear >= 0 && *row.FilsPerYear <= schema.MaxFils,
			"fees[%d] (rule %s): fils_per_year is missing or out of range", i, row.Rule)
	}
	values := e.values()
	for _, path := range slices.Sorted(maps.Keys(values)) {
		v := values[path]
		if err := v.validate(e.Sources); err != nil {
			wrong = append(wrong, fmt.Errorf("%s (rule %s): %w", path, v.Rule, err))
		}
	}
	return errors.Join(wrong...)
}

// values returns where every value of the file comes from, by the value's path.
func (e *epoch) values() map[string]provenance {
	all := map[string]provenance{
		"from":                    e.From.provenance,
		"submission":              e.Submission.provenance,
		"window":                  e.Window.provenance,
		"part_year":               e.PartYear.provenance,
		"passport_covers_period":  e.PassportCoversPeriod.provenance,
		"whole_years":             e.WholeYears.provenance,
		"insurance_covers_period": e.InsuranceCoversPeriod.provenance,
	}
	if e.Until != nil {
		all["until"] = e.Until.provenance
	}
	for i, l := range e.Limits {
		all[fmt.Sprintf("limits[%d]", i)] = l.provenance
	}
	for i, row := range e.Fees {
		all[fmt.Sprintf("fees[%d]", i)] = row.provenance
	}
	return all
}

// validate checks that a value names its rule, known sources and a known
// confidence; one that is assumed must say why and may have no source.
func (v *provenance) validate(sources map[string]string) error {
	switch {
	case v.Rule == "":
		return errors.New("no rule is named")
	case !slices.Contains([]string{"A", "B", "C", "D", "assumed"}, v.Confidence):
		return fmt.Errorf("confidence %q is none of A, B, C, D, assumed", v.Confidence)
	case v.Confidence == "assumed" && v.Note == "":
		return errors.New("a value is assumed without a note that says why")
	case v.Confidence != "assumed" && len(v.Sources) == 0:
		return errors.New("no source is named")
	}
	for _, key := range v.Sources {
		if sources[key] == "" {
			return fmt.Errorf("source %q has no address in sources", key)
		}
	}
	return nil
}
