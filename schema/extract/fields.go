package extract

import (
	"fmt"

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
func columnOf(kind Kind, name []byte) int {
	for i := range columns[kind] {
		if columns[kind][i].name == string(name) {
			return i
		}
	}
	return -1
}

// values are the fields of a line as they are written, by column; nil where an
// optional one is absent. They are slices of the line.
type values [maxColumns][]byte

// record turns the values into what they mean.
func (v *values) record(kind Kind, r *Record) *fault {
	r.Kind = kind
	b := builder{kind: kind, values: v}
	switch kind {
	case KindSponsor:
		r.Sponsor = schema.Sponsor{ID: b.sponsorID(0), Kind: b.sponsorKind(1), Article: b.article(2)}
	case KindResident:
		r.Resident = schema.Resident{CivilID: b.civilID(0), Passport: schema.Passport{
			Number: b.passportNumber(1), Country: b.country(2), ExpiresOn: b.date(3)}}
	case KindResidency:
		r.Residency = schema.Residency{CivilID: b.civilID(0), Article: b.article(1),
			SponsorID: b.sponsorID(2), Relation: b.relation(3), ExpiresOn: b.date(4)}
	}
	return b.fault
}

// builder reads values by column. The first fault sticks.
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

// badFormat says that a value is not what it should be.
func (b *builder) badFormat(i int, want string) {
	b.fail(i, RuleBadFormat, fmt.Sprintf("%d bytes, not %s", len(b.values[i]), want))
}

// sponsorID reads nine digits that begin with none but zero.
func (b *builder) sponsorID(i int) schema.SponsorID {
	v, n := b.values[i], uint32(0)
	if len(v) != 9 || v[0] == '0' {
		b.badFormat(i, "nine digits, the first not 0")
		return 0
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			b.badFormat(i, "nine digits, the first not 0")
			return 0
		}
		n = n*10 + uint32(c-'0')
	}
	return schema.SponsorID(n)
}

// civilID reads twelve digits that the Authority can have issued. An application
// with a wrong one is rejected; in the register it would be nobody.
func (b *builder) civilID(i int) schema.CivilID {
	id, err := schema.ParseCivilID(string(b.values[i]))
	if err != nil {
		b.badFormat(i, "twelve digits")
		return 0
	}
	if err := id.Check(); err != nil {
		b.fail(i, RuleBadCivilID, err.Error())
	}
	return id
}

// maxArticle bounds an article as the messages do; which ones there are is a
// matter of policy.
const maxArticle = 99

// article reads the number of an article; 0 where it is absent.
func (b *builder) article(i int) schema.Article {
	v := b.values[i]
	switch {
	case v == nil:
		return 0
	case !isInteger(v):
		b.badFormat(i, "an integer")
	case len(v) > 2 || v[0] == '-' || v[0] == '0':
		b.fail(i, RuleOutOfRange, fmt.Sprintf("an integer outside 1 to %d", maxArticle))
	case len(v) == 1:
		return schema.Article(v[0] - '0')
	default:
		return schema.Article((v[0]-'0')*10 + v[1] - '0')
	}
	return 0
}

// isInteger says whether v is an integer as JSON writes one.
func isInteger(v []byte) bool {
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(v) == 1 || len(v) > 1 && v[0] != '0'
}

func (b *builder) sponsorKind(i int) schema.SponsorKind {
	kind, ok := schema.ParseSponsorKind(string(b.values[i]))
	if !ok {
		b.notInSet(i)
	}
	return kind
}

func (b *builder) relation(i int) schema.Relation {
	relation, ok := schema.ParseRelation(string(b.values[i]))
	if !ok {
		b.notInSet(i)
	}
	return relation
}

func (b *builder) notInSet(i int) {
	b.fail(i, RuleNotInSet, fmt.Sprintf("%d bytes that are no member of the set", len(b.values[i])))
}

func (b *builder) passportNumber(i int) string {
	if !isPassportNumber(b.values[i]) {
		b.badFormat(i, "5 to 20 capital letters and digits")
		return ""
	}
	return string(b.values[i])
}

func (b *builder) country(i int) string {
	if !isCountry(b.values[i]) {
		b.badFormat(i, "three capital letters")
		return ""
	}
	return string(b.values[i])
}

// isPassportNumber says whether v is 5 to 20 capital letters and digits, as in the
// messages.
func isPassportNumber[T string | []byte](v T) bool {
	for i := range len(v) {
		if c := v[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(v) >= 5 && len(v) <= 20
}

// isCountry says whether v is three capital letters, as in the messages.
func isCountry[T string | []byte](v T) bool {
	for i := range len(v) {
		if v[i] < 'A' || v[i] > 'Z' {
			return false
		}
	}
	return len(v) == 3
}

// date reads YYYY-MM-DD.
func (b *builder) date(i int) schema.Date {
	d, err := schema.ParseDate(string(b.values[i]))
	switch {
	case err != nil:
		b.badFormat(i, "a date of the calendar written YYYY-MM-DD")
	case d < schema.MinDate || d > schema.MaxDate:
		b.fail(i, RuleOutOfRange, "a date outside the years 1900 to 2199")
	}
	return d
}
