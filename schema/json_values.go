package schema

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// pattern is the form of a short code: which characters, and how many.
type pattern struct {
	class    string // as a regular expression writes it
	min, max int
	allowed  [256]bool
}

// newPattern reads a character class such as "A-Z0-9-": ranges and single
// characters, a hyphen last.
func newPattern(class string, low, high int) *pattern {
	p := &pattern{class: class, min: low, max: high}
	for i := 0; i < len(class); i++ {
		from, to := class[i], class[i]
		if i+2 < len(class) && class[i+1] == '-' {
			to = class[i+2]
			i += 2
		}
		for b := from; b <= to; b++ {
			p.allowed[b] = true
		}
	}
	return p
}

// String returns the pattern as JSON Schema writes it.
func (p *pattern) String() string {
	if p.min == p.max {
		return fmt.Sprintf("^[%s]{%d}$", p.class, p.min)
	}
	return fmt.Sprintf("^[%s]{%d,%d}$", p.class, p.min, p.max)
}

func (p *pattern) match(s string) bool {
	for i := range len(s) {
		if !p.allowed[s[i]] {
			return false
		}
	}
	return len(s) >= p.min && len(s) <= p.max
}

// code reads a string of a pattern. It is cloned, because only these strings are kept in
// what is decoded.
func (c *cursor) code(p *pattern) string { return c.matching(c.text(), p) }

// matching checks a string that was read, and clones it.
func (c *cursor) matching(s string, p *pattern) string {
	switch {
	case c.err != nil:
	case len(s) > p.max:
		c.fail(RuleTooLong, fmt.Sprintf("a string of %d bytes, at most %d", len(s), p.max))
	case !p.match(s):
		c.fail(RuleBadFormat, fmt.Sprintf("a string of %d bytes that does not match %s", len(s), p))
	default:
		return strings.Clone(s)
	}
	return ""
}

// named reads a member of a closed set. It is a function because a method cannot have a
// type parameter.
func named[E ~string](c *cursor, parse func(string) (E, bool)) E {
	s := c.text()
	if c.err != nil {
		return ""
	}
	e, ok := parse(s)
	if !ok {
		c.fail(RuleNotInSet, fmt.Sprintf("a string of %d bytes that is no member of the set", len(s)))
	}
	return e
}

// open reads a member of a set that later editions may add to: a name of ours, or any that
// has the form of one.
func open[E ~string](c *cursor, parse func(string) (E, bool)) E {
	s := c.text()
	if e, ok := parse(s); ok {
		return e
	}
	return E(c.matching(s, namePattern))
}

// sentence reads a text of so many characters, counted as JSON Schema does. It is a slice of
// the caller's bytes.
func (c *cursor) sentence(least, most int) string {
	s := c.text()
	n := utf8.RuneCountInString(s)
	switch {
	case c.err != nil:
		return ""
	case n < least:
		c.badFormat(s, "a text")
	case n > most:
		c.fail(RuleTooLong, fmt.Sprintf("a string of %d characters, at most %d", n, most))
	}
	return s
}

// boolean reads true or false.
func (c *cursor) boolean() (value bool) {
	c.peek()
	switch {
	case c.err != nil:
	case c.literal("true"):
		c.pos += len("true")
		return true
	case c.literal("false"):
		c.pos += len("false")
	default:
		c.wrongType(aBoolean)
	}
	return false
}

// badFormat fails because a string is not of the form that belongs here.
func (c *cursor) badFormat(s, want string) {
	c.fail(RuleBadFormat, fmt.Sprintf("a string of %d bytes, not %s", len(s), want))
}

// uuid reads 8-4-4-4-12 hexadecimal digits. The library reads other spellings too, which
// JSON Schema does not allow.
func (c *cursor) uuid() uuid.UUID {
	s := c.text()
	if c.err != nil {
		return uuid.Nil
	}
	id, err := uuid.Parse(s)
	if err != nil || len(s) != len("00000000-0000-0000-0000-000000000000") {
		c.badFormat(s, "a UUID of 8-4-4-4-12 hexadecimal digits")
	}
	return id
}

// civilID reads twelve digits. Whether they are somebody's number is a matter of the
// rules that decide.
func (c *cursor) civilID() CivilID {
	s := c.text()
	id, ok := parseCivilID(s)
	if !ok && c.err == nil {
		c.badFormat(s, "twelve digits")
	}
	return id
}

// sponsorID reads nine digits, the first not 0.
func (c *cursor) sponsorID() SponsorID {
	s := c.text()
	id, err := ParseSponsorID(s)
	if err != nil && c.err == nil {
		c.badFormat(s, "nine digits, the first not 0")
	}
	return id
}

// article reads the number of an article.
func (c *cursor) article() Article { return Article(c.integer(1, MaxArticle)) }

// fils reads an amount of money.
func (c *cursor) fils() Fils { return Fils(c.integer(0, int64(MaxFils))) }

// date reads YYYY-MM-DD.
func (c *cursor) date() Date {
	s := c.text()
	d, ok := parseDate(s)
	switch {
	case c.err != nil:
	case !ok:
		c.badFormat(s, "a date of the calendar written YYYY-MM-DD")
	case d < MinDate || d > MaxDate:
		c.fail(RuleOutOfRange, "a date outside the years 1900 to 2199")
	}
	return d
}

// dateTime reads an instant as RFC 3339 writes it, and returns it in UTC.
func (c *cursor) dateTime() time.Time {
	s := c.text()
	if c.err != nil {
		return time.Time{}
	}
	t, rule := parseDateTime(s)
	switch rule {
	case "":
		return t
	case RuleOutOfRange:
		c.fail(rule, "a date-time outside the years 1900 to 2199")
	default:
		c.badFormat(s, "a date-time of RFC 3339 with seconds and an offset")
	}
	return time.Time{}
}
