package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// An integer may be spelled in any way that JSON has: 240, 240.0, 24e1, 0.24E+3
// are one number to a JSON Schema validator, so they are one number here. It is
// computed from the digits, exactly: no float rounds it, and an exponent of a
// million is a number out of range, not a million digits. jsontext and strconv read
// digits only, math/big writes the million digits out.

// maxDigits bounds an integer: 18 digits fit into an int64.
const maxDigits = 18

// integer reads a whole number between two bounds, both included.
func (c *cursor) integer(low, high int64) int64 {
	if b := c.peek(); c.err != nil || b != '-' && !isDigit(b) {
		c.wrongType(aNumber)
		return 0
	}
	if n, ok := c.plainInteger(low, high); ok {
		return n
	}
	start := c.pos
	for c.pos < len(c.s) && !endsNumber(c.s[c.pos]) {
		c.pos++
	}
	n, rule := spelledInteger(c.s[start:c.pos])
	switch {
	case rule == RuleNotJSON:
		c.failAt("no number before") // 012, 0x1F, 1_000
	case rule == RuleWrongType:
		c.fail(rule, "a fraction where "+anInteger+" belongs")
	case rule != "" || n < low || n > high:
		c.fail(RuleOutOfRange, fmt.Sprintf("%s outside %d to %d", anInteger, low, high))
	default:
		return n
	}
	return 0
}

// plainInteger reads a whole number that is spelled as nearly all are, in digits only.
// It leaves every other spelling, and every number that is wrong, to [spelledInteger].
func (c *cursor) plainInteger(low, high int64) (n int64, ok bool) {
	end := c.pos
	for ; end < len(c.s) && isDigit(c.s[end]); end++ {
		n = n*10 + int64(c.s[end]-'0')
	}
	count := end - c.pos
	if count == 0 || count > maxDigits || count > 1 && c.s[c.pos] == '0' || n < low || n > high {
		return 0, false
	}
	if end == len(c.s) || !endsNumber(c.s[end]) {
		return 0, false
	}
	c.pos = end
	return n, true
}

// endsNumber says whether a byte may stand behind a number.
func endsNumber(b byte) bool {
	switch b {
	case ',', ']', '}', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

// maxExponent is the largest exponent that is counted with: no message has the digits
// to bring a number with a larger one back into any range.
const maxExponent = 1 << 20

// spelledInteger reads a whole number in any spelling. The rule is empty where it is one of
// at most maxDigits digits.
func spelledInteger(s string) (n int64, rule Rule) {
	if !jsontext.Value(s).IsValid() {
		return 0, RuleNotJSON
	}
	unsigned := strings.TrimPrefix(s, "-")
	mantissa, exponent := unsigned, 0
	if e := strings.IndexAny(unsigned, "eE"); e >= 0 {
		mantissa = unsigned[:e]
		exponent, _ = strconv.Atoi(unsigned[e+1:]) // out of range it is the nearest int
		exponent = min(max(exponent, -maxExponent), maxExponent)
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	figures := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(figures, "0")
	zeros := exponent - len(fraction) + len(figures) - len(significant)
	switch {
	case significant == "":
		return 0, ""
	case zeros < 0:
		return 0, RuleWrongType
	case len(significant)+zeros > maxDigits:
		return 0, RuleOutOfRange
	}
	n, _ = strconv.ParseInt(significant+strings.Repeat("0", zeros), 10, 64)
	if unsigned != s {
		n = -n
	}
	return n, ""
}

func isDigit(b byte) bool { return b-'0' <= 9 }
