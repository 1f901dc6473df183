package schema

import (
	"fmt"
	"slices"
	"strings"
)

// members are the fields of an object, in the order in which they are published.
type members struct {
	names    []string // at most 64, one for each bit of object.seen
	spelled  []string // the names with quotes and colon, as most channels write them
	required uint64   // a bit for each name that must come
	open     bool     // whether other fields are passed over
}

// newMembers are those of a closed object. A name with a question mark is optional.
func newMembers(names ...string) members {
	var m members
	for i, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		if !optional {
			m.required |= 1 << i
		}
		m.names = append(m.names, name)
		m.spelled = append(m.spelled, `"`+name+`":`)
	}
	return m
}

// newOpenMembers are those of an object to which later editions may add fields.
func newOpenMembers(names ...string) members {
	m := newMembers(names...)
	m.open = true
	return m
}

// object is an object that is being read, member by member.
type object struct {
	*members
	seen   uint64   // a bit for each name that came
	passed []string // the names that were passed over
	at     int      // the name being read, -1 before the first
	begun  bool
}

func (c *cursor) object(m *members) object {
	if c.want(anObject, '{') {
		c.pos++
	}
	return object{members: m, at: -1}
}

// member moves to the value of the next field and says whether there is one.
// The caller reads that value before it asks again. In an object that is open it passes over
// the fields that are not named here.
func (c *cursor) member(o *object) bool {
	if c.err != nil {
		c.err.within(o.name())
		return false
	}
	for c.another(&o.begun, '}') {
		if c.expected(o) || c.locate(o, c.memberName()) {
			return true
		}
		if c.err != nil {
			return false
		}
	}
	c.complete(o)
	return false
}

// expected moves past the name that follows in the contract's order, if it comes next.
// Most channels write the fields in that order, and then no name is read or looked up.
func (c *cursor) expected(o *object) bool {
	at := o.at + 1
	if c.peek(); at >= len(o.names) || o.seen&(1<<at) != 0 || !c.literal(o.spelled[at]) {
		return false
	}
	c.pos += len(o.spelled[at])
	o.at, o.seen = at, o.seen|1<<at
	return true
}

// name is the field being read.
func (o *object) name() string {
	if o.at < 0 {
		return ""
	}
	return o.names[o.at]
}

// memberName reads a name and its colon.
func (c *cursor) memberName() string {
	if c.peek() != '"' {
		c.fail(RuleNotJSON, fmt.Sprintf("no field name at byte %d", c.pos))
		return ""
	}
	name := c.text()
	if c.peek() != ':' {
		c.fail(RuleNotJSON, fmt.Sprintf("no colon at byte %d", c.pos))
		return ""
	}
	c.pos++
	return name
}

// locate looks a name up among the object's, and says whether its value is to be read. A
// name that came before fails, and one that is unknown fails or is passed over.
func (c *cursor) locate(o *object, name string) bool {
	at := indexOf(o.names, name)
	switch {
	case c.err != nil:
	case at >= 0 && o.seen&(1<<at) == 0:
		o.at, o.seen = at, o.seen|1<<at
		return true
	case at >= 0:
		c.fail(RuleDuplicateField, "given twice")
		c.err.within(name)
	case o.open:
		c.passOver(o, name)
	default:
		c.fail(RuleUnknownField, "a field that the contract does not name")
		c.err.within(printable(name))
	}
	return false
}

// passOver skips a later edition's field. Given twice it is refused like any other: of two
// values nobody could say which one holds, and readers would differ. The names are compared
// one by one, because a message has room for two thousand at the most and only the stages
// write answers.
func (c *cursor) passOver(o *object, name string) {
	if slices.Contains(o.passed, name) {
		c.fail(RuleDuplicateField, "given twice")
	} else {
		o.passed = append(o.passed, name)
		c.skip()
	}
	if c.err != nil {
		c.err.within(printable(name))
	}
}

func indexOf(names []string, name string) int {
	for i := range names {
		if names[i] == name {
			return i
		}
	}
	return -1
}

// complete checks that no required field is missing.
func (c *cursor) complete(o *object) {
	missing := o.required &^ o.seen
	for i, name := range o.names {
		if c.err == nil && missing&(1<<i) != 0 {
			c.fail(RuleMissingField, "required")
			c.err.within(name)
		}
	}
}

// printable returns an unknown field's name for an error if it looks like a name:
// letters and underscores only, so that no person's number gets into a log. Else it
// returns "?".
func printable(name string) string {
	for i := range len(name) {
		if b := name[i] | 0x20; name[i] != '_' && (b < 'a' || b > 'z') {
			return "?"
		}
	}
	if name == "" || len(name) > 32 {
		return "?"
	}
	return strings.Clone(name)
}
