package extract

import (
	"fmt"
	"strconv"
)

// LineError says why a line cannot be imported. It holds no value of the line:
// only where it is, which field and which rule, and the shape of what was found.
type LineError struct {
	File   string
	Line   int    // counted from 1
	Field  string // empty where the line as a whole is wrong
	Rule   Rule
	Detail string
}

// Error names the place, the field, the rule and the shape.
func (e *LineError) Error() string {
	place := e.File + ":" + strconv.Itoa(e.Line)
	if e.Field == "" {
		return fmt.Sprintf("%s: %s: %s", place, e.Rule, e.Detail)
	}
	return fmt.Sprintf("%s: %s: %s: %s", place, e.Field, e.Rule, e.Detail)
}

// Rule is the stable name of a rule that a line broke. Those that a message can
// break too are named as there.
type Rule string

// The rules of a line's form.
const (
	RuleOversize       Rule = "oversize"        // longer than MaxLineBytes
	RuleEmpty          Rule = "empty"           // nothing on the line
	RuleBadUTF8        Rule = "bad_utf8"        // bytes that are not UTF-8
	RuleNotJSON        Rule = "not_json"        // not a JSON object as the format writes it
	RuleNotCSV         Rule = "not_csv"         // quotes where none can stand
	RuleBadHeader      Rule = "bad_header"      // a header row that does not name the columns
	RuleWrongColumns   Rule = "wrong_columns"   // another number of columns than the header row
	RuleUnknownField   Rule = "unknown_field"   // a field that the record does not have
	RuleDuplicateField Rule = "duplicate_field" // a field given twice
	RuleMissingField   Rule = "missing_field"   // a field that the record must have
	RuleWrongType      Rule = "wrong_type"      // another JSON type
)

// The rules of a value.
const (
	RuleBadFormat  Rule = "bad_format"   // not the form of its field
	RuleOutOfRange Rule = "out_of_range" // a number or date outside its limits
	RuleNotInSet   Rule = "not_in_set"   // no member of a closed set
	RuleBadCivilID Rule = "bad_civil_id" // a century, birth date or check digit that is wrong
)

// The rules of a record among the others.
const (
	RuleOutOfOrder      Rule = "out_of_order"     // after a record that may refer to it
	RuleWrongRecord     Rule = "wrong_record"     // of another kind than the file's
	RuleDuplicateKey    Rule = "duplicate_key"    // a second one under the same key
	RuleUnknownSponsor  Rule = "unknown_sponsor"  // of a sponsor that no good line holds
	RuleUnknownResident Rule = "unknown_resident" // of a resident that no good line holds
)

// fault is a line's error before its place is known.
type fault struct {
	field  string
	rule   Rule
	detail string
}

func (f *fault) at(r *Record) *LineError {
	return &LineError{File: r.File, Line: r.Line, Field: f.field, Rule: f.rule, Detail: f.detail}
}

// nameLimit is the length up to which an unknown field is named.
const nameLimit = 32

// describeName names a field that is not known if it looks like the name of one;
// else it may be a value in the wrong place, and only its shape is told.
func describeName(name string) string {
	if len(name) > nameLimit {
		return fmt.Sprintf("a name of %d bytes", len(name))
	}
	for _, b := range []byte(name) {
		if b != '_' && (b < 'a' || b > 'z') {
			return fmt.Sprintf("a name of %d bytes", len(name))
		}
	}
	return strconv.Quote(name)
}
