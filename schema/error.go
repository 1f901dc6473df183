package schema

import (
	"fmt"
	"slices"
)

// Error says why a message cannot be read as the contract says. Every error of
// this package's decoders is one. It holds no value of the message.
type Error struct {
	// Field is the path of what is wrong, such as "fee.amount_fils",
	// "reasons[0].code" or "ce_type" for a header; empty for the whole message.
	Field  string
	Rule   Rule
	Detail string // the shape of what was found: its type, its length
}

// Error names the field, the rule and the shape.
func (e *Error) Error() string {
	field := e.Field
	if field == "" {
		field = "message"
	}
	return fmt.Sprintf("%s: %s: %s", field, e.Rule, e.Detail)
}

// within puts the name of an enclosing field before the path.
func (e *Error) within(name string) {
	switch {
	case name == "":
	case e.Field == "":
		e.Field = name
	case e.Field[0] == '[':
		e.Field = name + e.Field
	default:
		e.Field = name + "." + e.Field
	}
}

// Rule is the rule of form that a message broke. The set is closed where this edition
// writes it, and the names are stable: they label metrics, travel in answers and in the
// headers of the quarantine. A rule that was read may be a later edition's.
type Rule string

// The rules.
const (
	RuleOversize       Rule = "oversize"        // more than MaxMessageBytes
	RuleBadUTF8        Rule = "bad_utf8"        // bytes or escapes that are not Unicode text
	RuleNotJSON        Rule = "not_json"        // not the grammar of RFC 8259
	RuleTrailingBytes  Rule = "trailing_bytes"  // something after the end of the object
	RuleUnknownField   Rule = "unknown_field"   // a field that the contract does not name
	RuleDuplicateField Rule = "duplicate_field" // a field or a header given twice
	RuleMissingField   Rule = "missing_field"   // a field or a header that is required
	RuleWrongType      Rule = "wrong_type"      // another JSON type, null included, or a fraction for an integer
	RuleBadFormat      Rule = "bad_format"      // a string that breaks its pattern
	RuleTooLong        Rule = "too_long"        // a string longer than its limit
	RuleOutOfRange     Rule = "out_of_range"    // a number, date or time outside its limits
	RuleNotInSet       Rule = "not_in_set"      // no member of a closed set
	RuleContradiction  Rule = "contradiction"   // fields that exclude one another
	RuleUnknownType    Rule = "unknown_type"    // an event of another type than the topic carries
	RuleKeyMismatch    Rule = "key_mismatch"    // a message key that is not the civil_id of its data
	RuleNotStorable    Rule = "not_storable"    // readable, but the record refuses it as it is
)

// Rules returns the rules of this edition, in their order.
func Rules() []Rule { return slices.Clone(allRules) }

var allRules = []Rule{
	RuleOversize, RuleBadUTF8, RuleNotJSON, RuleTrailingBytes, RuleUnknownField, RuleDuplicateField, RuleMissingField, RuleWrongType,
	RuleBadFormat, RuleTooLong, RuleOutOfRange, RuleNotInSet, RuleContradiction, RuleUnknownType, RuleKeyMismatch, RuleNotStorable,
}

// String returns the rule's stable name.
func (r Rule) String() string { return string(r) }
