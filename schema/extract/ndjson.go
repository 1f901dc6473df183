package extract

import (
	"bytes"
	"fmt"
)

// fieldRecord is the field that names a line's kind of record.
const fieldRecord = "record"

// maxMembers is the most members of a line: the fields and "record".
const maxMembers = maxColumns + 1

// member is a name and a value of an object, as they are written.
type member struct {
	name, value []byte
	number      bool
}

// parseNDJSON reads a line that holds one flat JSON object. Strings have no
// escapes: no value of the format needs one.
func parseNDJSON(line []byte, v *values) (Kind, *fault) {
	s := scanner{line: line}
	var found [maxMembers]member
	n := s.object(&found)
	if s.fault != nil {
		return 0, s.fault
	}
	kind, f := kindOf(found[:n])
	if f != nil {
		return 0, f
	}
	return kind, assign(kind, found[:n], v)
}

// kindOf finds the member "record". A second one is no field of any kind.
func kindOf(found []member) (Kind, *fault) {
	for i, m := range found {
		if string(m.name) != fieldRecord {
			continue
		}
		for _, later := range found[i+1:] {
			if string(later.name) == fieldRecord {
				return 0, &fault{fieldRecord, RuleDuplicateField, "given twice"}
			}
		}
		if m.number {
			return 0, &fault{fieldRecord, RuleWrongType, "a number where a string belongs"}
		}
		for kind := KindSponsor; kind <= KindResidency; kind++ {
			if string(m.value) == kindNames[kind] {
				return kind, nil
			}
		}
		return 0, &fault{fieldRecord, RuleNotInSet, fmt.Sprintf("%d bytes that are no member of the set", len(m.value))}
	}
	return 0, &fault{fieldRecord, RuleMissingField, "not given"}
}

// assign puts the members under their columns.
func assign(kind Kind, found []member, v *values) *fault {
	*v = values{}
	for _, m := range found {
		if string(m.name) == fieldRecord {
			continue
		}
		i := columnOf(kind, m.name)
		if i < 0 {
			return &fault{"", RuleUnknownField, describeName(m.name) + " is no field of a " + kind.String()}
		}
		c := &columns[kind][i]
		if v[i] != nil {
			return &fault{c.name, RuleDuplicateField, "given twice"}
		}
		if c.number != m.number {
			return &fault{c.name, RuleWrongType, jsonType(m.number) + " where " + jsonType(c.number) + " belongs"}
		}
		v[i] = m.value
	}
	return missing(kind, v)
}

// missing names the first required field that is not given.
func missing(kind Kind, v *values) *fault {
	for i := range columns[kind] {
		if c := &columns[kind][i]; v[i] == nil && !c.optional {
			return &fault{c.name, RuleMissingField, "not given"}
		}
	}
	return nil
}

func jsonType(number bool) string {
	if number {
		return "a number"
	}
	return "a string"
}

// scanner reads a line once, from left to right. The first fault sticks.
type scanner struct {
	line  []byte
	pos   int
	fault *fault
}

// object reads the members of the one object on the line.
func (s *scanner) object(found *[maxMembers]member) (n int) {
	s.expect('{')
	if s.peek() == '}' {
		s.pos++
		return s.end(0)
	}
	for s.fault == nil {
		if n == maxMembers {
			s.fail(RuleUnknownField, fmt.Sprintf("more than %d fields", maxMembers))
			return n
		}
		found[n] = s.member()
		n++
		if s.peek() == '}' {
			s.pos++
			return s.end(n)
		}
		s.expect(',')
	}
	return n
}

// end checks that nothing but white space follows.
func (s *scanner) end(n int) int {
	if s.peek(); s.pos < len(s.line) {
		s.fail(RuleNotJSON, fmt.Sprintf("%d bytes after the end of the object", len(s.line)-s.pos))
	}
	return n
}

func (s *scanner) member() (m member) {
	m.name = s.text()
	s.expect(':')
	switch c := s.peek(); {
	case s.fault != nil:
	case c == '"':
		m.value = s.text()
	case c == '-' || c >= '0' && c <= '9':
		m.value, m.number = s.number(), true
	default:
		s.fail(RuleWrongType, fmt.Sprintf("neither a string nor a number at byte %d", s.pos))
	}
	return m
}

// text reads a string without escapes. It is never nil, as an absent one is.
func (s *scanner) text() []byte {
	s.expect('"')
	if s.fault != nil {
		return nil
	}
	start := s.pos
	length := bytes.IndexByte(s.line[start:], '"')
	if length < 0 {
		s.fail(RuleNotJSON, fmt.Sprintf("an unfinished string at byte %d", start))
		return nil
	}
	text := s.line[start : start+length : start+length]
	for _, c := range text {
		if c == '\\' || c < ' ' {
			s.fail(RuleNotJSON, fmt.Sprintf("an escape or a control character in the string at byte %d", start))
			return nil
		}
	}
	s.pos = start + length + 1
	return text
}

// number reads an integer; the format has no others.
func (s *scanner) number() []byte {
	start := s.pos
	for s.pos < len(s.line) && isNumberByte(s.line[s.pos]) {
		s.pos++
	}
	number := s.line[start:s.pos]
	if !isInteger(number) {
		s.fail(RuleNotJSON, fmt.Sprintf("a number that is not an integer at byte %d", start))
	}
	return number
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.line); s.pos++ {
		switch c := s.line[s.pos]; c {
		case ' ', '\t', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) {
	if s.fault != nil {
		return
	}
	if s.peek() != c {
		s.fail(RuleNotJSON, fmt.Sprintf("no %q at byte %d", c, s.pos))
		return
	}
	s.pos++
}

func (s *scanner) fail(rule Rule, detail string) {
	if s.fault == nil {
		s.fault = &fault{rule: rule, detail: detail}
	}
}
