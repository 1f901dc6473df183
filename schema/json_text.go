package schema

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string. Without escapes it is a slice of the message, on loan.
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

// A byte in each of the eight of a word.
const (
	ones        = 0x0101010101010101
	highBits    = ones * 0x80
	spaces      = ones * ' '
	quotes      = ones * '"'
	backslashes = ones * '\\'
)

// plain is how many bytes come before a quote, a backslash or a control character. It
// looks at eight at a time: taking one off a byte that is zero, or a space off one
// that is less, borrows from its high bit.
func plain(s string) (n int) {
	for ; n+8 <= len(s); n += 8 {
		word := uint64(s[n]) | uint64(s[n+1])<<8 | uint64(s[n+2])<<16 | uint64(s[n+3])<<24 |
			uint64(s[n+4])<<32 | uint64(s[n+5])<<40 | uint64(s[n+6])<<48 | uint64(s[n+7])<<56
		found := (((word ^ quotes) - ones) | ((word ^ backslashes) - ones) | (word - spaces)) &^ word & highBits
		if found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(s) && s[n] >= ' ' && s[n] != '"' && s[n] != '\\'; n++ {
	}
	return n
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
