package schema

import "fmt"

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

// Rule is the rule of form that a message broke. The set is closed and the names
// are stable: they label metrics and travel in the headers of the quarantine.
type Rule uint8

// The rules. Their names are these in snake case.
const (
	RuleOversize       Rule = iota + 1 // more than MaxMessageBytes
	RuleBadUTF8                        // bytes or escapes that are not Unicode text
	RuleNotJSON                        // not the grammar of RFC 8259
	RuleTrailingBytes                  // something after the end of the object
	RuleUnknownField                   // a field that the contract does not name
	RuleDuplicateField                 // a field, a header or a reason given twice
	RuleMissingField                   // a field or a header that is required
	RuleWrongType                      // another JSON type, null included, or a fraction for an integer
	RuleBadFormat                      // a string that breaks its pattern
	RuleTooLong                        // a string longer than its limit
	RuleOutOfRange                     // a number, date or time outside its limits
	RuleNotInSet                       // no member of a closed set
	RuleContradiction                  // fields that exclude one another
	RuleUnknownType                    // an event of another type than the topic carries
	RuleKeyMismatch                    // a message key that is not the civil_id of its data
	RuleNotStorable                    // readable, but the record refuses it as it is
)

var ruleNames = [...]string{
	RuleOversize:       "oversize",
	RuleBadUTF8:        "bad_utf8",
	RuleNotJSON:        "not_json",
	RuleTrailingBytes:  "trailing_bytes",
	RuleUnknownField:   "unknown_field",
	RuleDuplicateField: "duplicate_field",
	RuleMissingField:   "missing_field",
	RuleWrongType:      "wrong_type",
	RuleBadFormat:      "bad_format",
	RuleTooLong:        "too_long",
	RuleOutOfRange:     "out_of_range",
	RuleNotInSet:       "not_in_set",
	RuleContradiction:  "contradiction",
	RuleUnknownType:    "unknown_type",
	RuleKeyMismatch:    "key_mismatch",
	RuleNotStorable:    "not_storable",
}

// Rules returns the closed set, in its order.
func Rules() []Rule { return enumerate[Rule](ruleNames[:]) }

// String returns the rule's stable name.
func (r Rule) String() string { return enumName(ruleNames[:], r) }
