package extract

import (
	"fmt"
	"strconv"
	"strings"

	"tajdeed/schema"
)

// maxColumns is the most columns of a kind of record.
const maxColumns = 5

// column is a field of a record.
type column struct {
	name     string
	number   bool // a JSON number; else a JSON string
	optional bool
}

// columns are the fields of the kinds of record, in the order in which they are
// written.
var columns = [...][]column{
	KindSponsor:   {{name: "sponsor_id"}, {name: "kind"}, {name: "article", number: true, optional: true}},
	KindResident:  {{name: "civil_id"}, {name: "passport_number"}, {name: "passport_country"}, {name: "passport_expires_on"}},
	KindResidency: {{name: "civil_id"}, {name: "article", number: true}, {name: "sponsor_id"}, {name: "relation"}, {name: "expires_on"}},
}

// columnOf returns the index of a field, -1 where the kind has none of the name.
func columnOf(kind Kind, name string) int {
	for i := range columns[kind] {
		if columns[kind][i].name == name {
			return i
		}
	}
	return -1
}

// values are the fields of a line as they are written, by column.
type values [maxColumns]value

// value is a field as it is written.
type value struct {
	text  string
	given bool // whether it is there: a string of JSON may be empty
}

// record reads the values of a kind of record into r.
func (v *values) record(kind Kind, r *Record) *fault {
	r.Kind = kind
	b := builder{kind: kind, values: v}
	switch kind {
	case KindSponsor:
		r.Sponsor = schema.Sponsor{ID: b.sponsorID(0), Kind: named(&b, 1, schema.ParseSponsorKind), Article: b.article(2)}
	case KindResident:
		r.Resident = schema.Resident{CivilID: b.civilID(0), Passport: schema.Passport{
			Number: b.passportNumber(1), Country: b.country(2), ExpiresOn: b.date(3)}}
	case KindResidency:
		r.Residency = schema.Residency{CivilID: b.civilID(0), Article: b.article(1),
			SponsorID: b.sponsorID(2), Relation: named(&b, 3, schema.ParseRelation), ExpiresOn: b.date(4)}
	}
	return b.fault
}

// builder reads values by column. The first fault is kept.
type builder struct {
	kind   Kind
	values *values
	fault  *fault
}

func (b *builder) fail(i int, rule Rule, detail string) {
	if b.fault == nil {
		b.fault = &fault{columns[b.kind][i].name, rule, detail}
	}
}

// badFormat fails because a value is not of its field's form.
func (b *builder) badFormat(i int, want string) {
	b.fail(i, RuleBadFormat, fmt.Sprintf("%d bytes, not %s", len(b.values[i].text), want))
}

// sponsorID reads nine digits, the first not 0.
func (b *builder) sponsorID(i int) schema.SponsorID {
	id, err := schema.ParseSponsorID(b.values[i].text)
	if err != nil {
		b.badFormat(i, "nine digits, the first not 0")
	}
	return id
}

// civilID reads twelve digits that the Authority can have issued. An application
// with a wrong one is rejected; in the register it would be nobody.
func (b *builder) civilID(i int) schema.CivilID {
	id, err := schema.ParseCivilID(b.values[i].text)
	if err != nil {
		b.badFormat(i, "twelve digits")
		return 0
	}
	if err := id.Check(); err != nil {
		b.fail(i, RuleBadCivilID, err.Error())
	}
	return id
}

// article reads the number of an article; 0 where it is absent.
func (b *builder) article(i int) schema.Article {
	v := b.values[i]
	if !v.given {
		return 0
	}
	n, _ := strconv.Atoi(v.text) // out of range it is the nearest int
	switch {
	case !isInteger(v.text):
		b.badFormat(i, "an integer")
	case n < 1 || n > schema.MaxArticle:
		b.fail(i, RuleOutOfRange, fmt.Sprintf("an integer outside 1 to %d", schema.MaxArticle))
	}
	return schema.Article(n)
}

// isInteger says whether s is an integer as JSON writes one: strconv reads +18 and 018
// as well.
func isInteger(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return len(digits) == 1 || len(digits) > 1 && digits[0] != '0'
}

// named reads a member of a closed set.
func named[E ~uint8](b *builder, i int, parse func(string) (E, bool)) E {
	e, ok := parse(b.values[i].text)
	if !ok {
		b.fail(i, RuleNotInSet, fmt.Sprintf("%d bytes that are no member of the set", len(b.values[i].text)))
	}
	return e
}

func (b *builder) passportNumber(i int) string {
	if !schema.IsPassportNumber(b.values[i].text) {
		b.badFormat(i, "5 to 20 capital letters and digits")
	}
	return b.values[i].text
}

func (b *builder) country(i int) string {
	if !schema.IsCountry(b.values[i].text) {
		b.badFormat(i, "three capital letters")
	}
	return b.values[i].text
}

// date reads YYYY-MM-DD.
func (b *builder) date(i int) schema.Date {
	d, err := schema.ParseDate(b.values[i].text)
	switch {
	case err != nil:
		b.badFormat(i, "a date of the calendar written YYYY-MM-DD")
	case d < schema.MinDate || d > schema.MaxDate:
		b.fail(i, RuleOutOfRange, "a date outside the years 1900 to 2199")
	}
	return d
}
