package schema

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string. Without escapes it is a slice of the message.
func (c *cursor) text() string {
	if !c.want(aString) {
		return ""
	}
	start := c.pos + 1
	for c.pos++; c.pos < len(c.s); c.pos++ {
		switch b := c.s[c.pos]; {
		case b == '"':
			c.pos++
			return c.s[start : c.pos-1]
		case b == '\\':
			return c.escapedText(start)
		case b < ' ':
			c.failAt("a control character in a string")
			return ""
		}
	}
	c.failAt("an unfinished string")
	return ""
}

// escapedText reads the rest of a string that has escapes and stands at the
// first.
func (c *cursor) escapedText(start int) string {
	var out strings.Builder
	out.WriteString(c.s[start:c.pos])
	for c.err == nil && c.pos < len(c.s) {
		b := c.s[c.pos]
		switch {
		case b == '"':
			c.pos++
			return out.String()
		case b == '\\':
			out.WriteRune(c.escape())
		case b < ' ':
			c.failAt("a control character in a string")
		default:
			out.WriteByte(b)
			c.pos++
		}
	}
	c.failAt("an unfinished string")
	return ""
}

// simpleEscapes are the escapes of one letter and what they stand for.
const (
	simpleEscapes = `"\/bfnrt`
	escapedBytes  = "\"\\/\b\f\n\r\t"
)

// escape reads one escape.
func (c *cursor) escape() rune {
	if strings.HasPrefix(c.s[c.pos:], `\u`) {
		return c.unicodeEscape()
	}
	if c.pos+1 < len(c.s) {
		if i := strings.IndexByte(simpleEscapes, c.s[c.pos+1]); i >= 0 {
			c.pos += 2
			return rune(escapedBytes[i])
		}
	}
	c.failAt("an unknown escape")
	return 0
}

// unicodeEscape reads \u and four digits, or two of them for a surrogate pair. A
// surrogate alone is no character.
func (c *cursor) unicodeEscape() rune {
	r := c.codeUnit()
	if !utf16.IsSurrogate(r) || c.err != nil {
		return r
	}
	if strings.HasPrefix(c.s[c.pos:], `\u`) {
		r = utf16.DecodeRune(r, c.codeUnit())
	}
	if r == utf8.RuneError || utf16.IsSurrogate(r) {
		c.fail(RuleBadUTF8, fmt.Sprintf("half a surrogate pair before byte %d", c.pos))
	}
	return r
}

// codeUnit reads \u and four hexadecimal digits.
func (c *cursor) codeUnit() rune {
	var r rune
	for i := c.pos + 2; i < c.pos+6; i++ {
		if i >= len(c.s) || hexValue(c.s[i]) < 0 {
			c.failAt("an unknown escape")
			return 0
		}
		r = r<<4 | hexValue(c.s[i])
	}
	c.pos += 6
	return r
}

func hexValue(b byte) rune {
	switch {
	case b >= '0' && b <= '9':
		return rune(b - '0')
	case b >= 'a' && b <= 'f':
		return rune(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return rune(b-'A') + 10
	}
	return -1
}

// failAt says that the grammar is broken here.
func (c *cursor) failAt(what string) {
	c.fail(RuleNotJSON, fmt.Sprintf("%s at byte %d", what, c.pos))
}
