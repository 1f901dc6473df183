package policy

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"time"

	"tajdeed/schema"
)

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
	PassportWholeYears    *flag             `json:"passport_whole_years"` // nil in editions that knew no such rule
	WholeYears            flag              `json:"whole_years"`
	InsuranceCoversPeriod flag              `json:"insurance_covers_period"`
	FineMonth             *fineMonth        `json:"fine_month"` // nil in editions that knew no fines
	Fines                 []fine            `json:"fines"`
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
	// OtherReadings are how the sources can be read too, where they contradict one another.
	OtherReadings []Reading `json:"other_readings"`
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

// fineMonth is after how many days a fine rises.
type fineMonth struct {
	Days int `json:"days"`
	provenance
}

// fine is what each day of delay costs.
type fine struct {
	Article         schema.Article `json:"article"`
	FilsPerDay      schema.Fils    `json:"fils_per_day"`
	LaterFilsPerDay schema.Fils    `json:"later_fils_per_day"` // after the month; 0 means the same
	MostFils        schema.Fils    `json:"most_fils"`
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

// archive is the sub-directory of the policies that others took the place of.
const archive = "archive"

func load(directory fs.FS) (*Set, error) {
	inForce, err := loadFiles(directory, "*.json")
	archived, alsoWrong := loadFiles(directory, archive+"/*.json")
	if err != nil || alsoWrong != nil {
		return nil, errors.Join(err, alsoWrong)
	}
	if len(inForce) == 0 {
		return nil, errors.New("policy: there is no *.json")
	}
	slices.SortFunc(inForce, func(a, b *Policy) int { return cmp.Compare(a.From, b.From) })
	s := &Set{inForce: inForce, versions: map[string]*Policy{}}
	for i, p := range inForce {
		if i > 0 && p.From == inForce[i-1].From {
			return nil, fmt.Errorf("policy: %s and %s come into force on the same day: the older one belongs in %s/", inForce[i-1].Version, p.Version, archive)
		}
	}
	for _, p := range slices.Concat(inForce, archived) {
		if _, twice := s.versions[p.Version]; twice {
			return nil, fmt.Errorf("policy: two files are %s", p.Version)
		}
		s.versions[p.Version] = p
	}
	return s, nil
}

// loadFiles loads the files of a pattern, and returns what is wrong with any of them.
func loadFiles(directory fs.FS, pattern string) ([]*Policy, error) {
	names, err := fs.Glob(directory, pattern)
	if err != nil {
		return nil, err
	}
	var all []*Policy
	var wrong []error
	for _, name := range names {
		raw, err := fs.ReadFile(directory, name)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		p, problems := loadFile(raw)
		for _, w := range problems {
			wrong = append(wrong, fmt.Errorf("policy %s:%w", name, w))
		}
		all = append(all, p)
	}
	return all, errors.Join(wrong...)
}

// loadFile makes the policy of a file, or says what is wrong with it.
func loadFile(raw []byte) (*Policy, []error) {
	e, err := decode(raw)
	if err != nil {
		return nil, []error{err}
	}
	lines, err := linesOf(raw)
	if err != nil {
		return nil, []error{err}
	}
	wrong := e.validate()
	p, more := e.compile()
	if wrong = append(wrong, more...); len(wrong) > 0 {
		errs := make([]error, len(wrong))
		for i, w := range wrong {
			errs[i] = fmt.Errorf("%d: %w", lines.at(w.path), w)
		}
		return nil, errs
	}
	p.Version += "+" + digest(raw)
	return p, nil
}

// digest is the first digits of a digest of what a file says, whatever its line breaks and
// indents are. The file must be JSON.
func digest(raw []byte) string {
	var content bytes.Buffer
	_ = json.Compact(&content, raw)
	sum := sha256.Sum256(content.Bytes())
	return hex.EncodeToString(sum[:digestBytes])
}

// digestBytes is how many bytes of it a version's name has.
const digestBytes = 3

// decode reads a file, strictly. The error begins with the line.
func decode(raw []byte) (e epoch, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err = decoder.Decode(&e); err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = fmt.Errorf("%d: something follows the policy", lineAt(raw, decoder.InputOffset()))
		}
		return e, err
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return e, fmt.Errorf("%d: %w", lineAt(raw, syntax.Offset), err)
	case errors.As(err, &kind):
		return e, fmt.Errorf("%d: %s is a %s, want %s", lineAt(raw, kind.Offset), kind.Field, kind.Value, kind.Type)
	}
	return e, fmt.Errorf("%d: %w", lineOfField(raw, err), err)
}

// problem is what is wrong with a value.
type problem struct {
	path string // "fees[17]"
	rule string // the value's; empty if it has none
	err  error
}

// Error says which value it is, of which rule, and what is wrong.
func (p *problem) Error() string {
	if p.rule == "" {
		return fmt.Sprintf("%s: %v", p.path, p.err)
	}
	return fmt.Sprintf("%s (rule %s): %v", p.path, p.rule, p.err)
}

// Unwrap returns what is wrong.
func (p *problem) Unwrap() error { return p.err }

// compile makes the policy of a file.
func (e *epoch) compile() (p *Policy, wrong []*problem) {
	from, err := schema.ParseDate(e.From.Day)
	if err != nil {
		wrong = append(wrong, &problem{"from", e.From.Rule, err})
	}
	p = &Policy{
		Version:               e.Version,
		From:                  from,
		Basis:                 e.Basis,
		submissionOldest:      time.Duration(e.Submission.OldestHours) * time.Hour,
		submissionAhead:       time.Duration(e.Submission.AheadMinutes) * time.Minute,
		windowMonths:          e.Window.OpensMonthsBefore,
		passportCoversPeriod:  e.PassportCoversPeriod.Value,
		passportWholeYears:    e.PassportWholeYears != nil && e.PassportWholeYears.Value,
		wholeYears:            e.WholeYears.Value,
		insuranceCoversPeriod: e.InsuranceCoversPeriod.Value,
	}
	for _, l := range e.Limits {
		p.maxMonths[l.Article] = l.Months
	}
	for _, f := range e.Fines {
		p.fines = append(p.fines, f.compile(e.FineMonth))
	}
	for i, row := range e.Fees {
		f, err := row.compile()
		if err != nil {
			wrong = append(wrong, &problem{fmt.Sprintf("fees[%d]", i), row.Rule, err})
		}
		p.fees = append(p.fees, f)
	}
	p.values, p.addresses = e.listed(p.fees), e.Sources
	return p, wrong
}

func (f *fine) compile(month *fineMonth) delay {
	d := delay{article: f.Article, perDay: f.FilsPerDay, laterPerDay: f.LaterFilsPerDay, most: f.MostFils}
	if d.laterPerDay == 0 {
		d.laterPerDay = d.perDay
	}
	if month != nil { // validate says that it is missing
		d.month = month.Days
	}
	return d
}

func (row *price) compile() (f fee, err error) {
	if row.FilsPerYear != nil { // validate says that it is missing
		f.perYear = *row.FilsPerYear
	}
	f.when.Article, f.when.SponsorArticle = row.Article, row.SponsorArticle
	var known bool
	if f.when.SponsorKind, known = schema.ParseSponsorKind(row.SponsorKind); !known && row.SponsorKind != "" {
		return f, fmt.Errorf("no sponsor_kind is called %q", row.SponsorKind)
	}
	if f.when.Relation, known = schema.ParseRelation(row.Relation); !known && row.Relation != "" {
		return f, fmt.Errorf("no relation is called %q", row.Relation)
	}
	return f, nil
}

// editionForm is the form of a file's version. With the digest it stands in the record and in
// messages.
var editionForm = regexp.MustCompile(`^[A-Za-z0-9.@-]{1,32}$`)

// validate checks what the types don't: that each value is in its range and says
// where it comes from. It returns all that is wrong.
func (e *epoch) validate() (wrong []*problem) {
	check := func(ok bool, path, rule, format string, args ...any) {
		if !ok {
			wrong = append(wrong, &problem{path, rule, fmt.Errorf(format, args...)})
		}
	}
	check(editionForm.MatchString(e.Version), "version", "", "%q is not of the form %s", e.Version, editionForm)
	check(e.Basis != "", "basis", "", "it is missing")
	check(e.Submission.OldestHours > 0 && e.Submission.AheadMinutes > 0, "submission", e.Submission.Rule, "oldest_hours or ahead_minutes is not positive")
	check(e.Window.OpensMonthsBefore > 0, "window", e.Window.Rule, "opens_months_before is not positive")
	check(e.PartYear.CountsAsWhole, "part_year", e.PartYear.Rule, "counts_as_whole: no other price of a part of a year is known")
	check(len(e.Fees) > 0, "fees", "", "there is none")
	limited := map[schema.Article]bool{}
	for i, l := range e.Limits {
		path := fmt.Sprintf("limits[%d]", i)
		check(l.Article > 0 && l.Article <= schema.MaxArticle && l.Months > 0, path, l.Rule, "article is not one of 1 to %d, or months is not positive", schema.MaxArticle)
		check(!limited[l.Article], path, l.Rule, "article %d has a limit already", l.Article)
		limited[l.Article] = true
	}
	for i, row := range e.Fees {
		path := fmt.Sprintf("fees[%d]", i)
		check(row.Article == 0 || limited[row.Article], path, row.Rule, "article %d has a price and no limit", row.Article)
		check(row.FilsPerYear != nil && *row.FilsPerYear >= 0 && *row.FilsPerYear <= schema.MaxFils,
			path, row.Rule, "fils_per_year is missing or out of range")
	}
	check(e.FineMonth != nil || len(e.Fines) == 0, "fines", "", "fine_month is missing")
	check(e.FineMonth == nil || e.FineMonth.Days > 0, "fine_month", "", "days is not positive")
	for i, f := range e.Fines {
		check(f.FilsPerDay > 0 && f.LaterFilsPerDay >= 0 && f.MostFils >= f.FilsPerDay && f.MostFils <= schema.MaxFils,
			fmt.Sprintf("fines[%d]", i), f.Rule, "fils_per_day, later_fils_per_day or most_fils is missing or out of range")
	}
	values := e.values()
	for _, path := range slices.Sorted(maps.Keys(values)) {
		v := values[path]
		if err := v.validate(e.Sources); err != nil {
			wrong = append(wrong, &problem{path, v.Rule, err})
		}
	}
	return wrong
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
	if e.PassportWholeYears != nil {
		all["passport_whole_years"] = e.PassportWholeYears.provenance
	}
	if e.Until != nil {
		all["until"] = e.Until.provenance
	}
	if e.FineMonth != nil {
		all["fine_month"] = e.FineMonth.provenance
	}
	for i, f := range e.Fines {
		all[fmt.Sprintf("fines[%d]", i)] = f.provenance
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
	for _, r := range v.OtherReadings {
		if r.Reading == "" || r.Rule == "" || r.Confidence == "" {
			return errors.New("other_readings: reading, rule or confidence is missing")
		}
	}
	for _, key := range v.keys() {
		if sources[key] == "" {
			return fmt.Errorf("source %q has no address in sources", key)
		}
	}
	return nil
}

// keys are those of all the sources that are named.
func (v *provenance) keys() []string { return keysOf(v.Sources, v.OtherReadings) }

func keysOf(sources []string, readings []Reading) []string {
	keys := slices.Clone(sources)
	for _, r := range readings {
		keys = append(keys, r.Sources...)
	}
	return keys
}
