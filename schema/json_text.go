package schema

import (
	"bytes"
	"errors"
	"fmt"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// text reads a string. Without escapes it is a slice of the caller's bytes.
func (c *cursor) text() string {
	if !c.want(aString, '"') {
		return ""
	}
	start := c.pos + 1
	c.pos = start + plain(c.s[start:])
	switch {
	case c.pos == len(c.s):
		c.failAt("an unfinished string")
	case c.s[c.pos] == '"':
		c.pos++
		return c.s[start : c.pos-1]
	case c.s[c.pos] == '\\':
		return c.escapedText(start)
	default:
		c.failAt("a control character in a string")
	}
	return ""
}

// plain is how many bytes come before a quote, a backslash or a control character.
func plain(s string) (n int) {
	for n < len(s) && s[n] >= ' ' && s[n] != '"' && s[n] != '\\' {
		n++
	}
	return n
}

// escapedText reads a string that has escapes, from the first of them on. Few strings
// have any, so the library reads them.
func (c *cursor) escapedText(start int) string {
	for c.pos < len(c.s) && c.s[c.pos] != '"' {
		if c.s[c.pos] == '\\' {
			c.pos++ // what follows ends no string
		}
		c.pos++
	}
	if c.pos >= len(c.s) {
		c.failAt("an unfinished string")
		return ""
	}
	c.pos++
	quoted := c.s[start-1 : c.pos]
	text, err := jsontext.AppendUnquote(nil, quoted)
	switch {
	case err == nil:
		return string(text)
	case jsontext.Value(quoted).IsValid(jsontext.AllowInvalidUTF8(true)):
		c.fail(RuleBadUTF8, fmt.Sprintf("half a surrogate pair before byte %d", c.pos))
	default:
		c.failAt("an unknown escape or a control character before the string's end")
	}
	return ""
}

// skip passes over a value, whatever it is. The library does it: only later editions have
// values that nobody here reads.
func (c *cursor) skip() {
	c.peek()
	end, err := skipValue(c.s[c.pos:])
	if err != nil {
		rule, what := skipFault(c.s[c.pos:], err)
		c.fail(rule, fmt.Sprintf("%s after byte %d", what, c.pos))
		return
	}
	c.pos += end
}

// skipFault says what is wrong with a value that cannot be passed over.
func skipFault(s string, err error) (rule Rule, what string) {
	_, lenient := skipValue(s, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	switch {
	case lenient != nil:
		return RuleNotJSON, noValue
	case errors.Is(err, jsontext.ErrDuplicateName):
		return RuleDuplicateField, "a field given twice"
	}
	return RuleBadUTF8, "half a surrogate pair"
}

// skipValue returns where a value ends. The decoder reads from a [bytes.Buffer] in place.
func skipValue(s string, how ...jsontext.Options) (end int, err error) {
	decoder := jsontext.NewDecoder(bytes.NewBuffer(unsafe.Slice(unsafe.StringData(s), len(s))), how...)
	err = decoder.SkipValue()
	return int(decoder.InputOffset()), err
}

// failAt says that the grammar is broken here.
func (c *cursor) failAt(what string) {
	c.fail(RuleNotJSON, fmt.Sprintf("%s at byte %d", what, c.pos))
}
