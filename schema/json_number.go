package schema

import "fmt"

// An integer may be spelled in any way that JSON has: 240, 240.0, 24e1, 0.24E+3
// are one number to a JSON Schema validator, so they are one number here. It is
// computed from the digits, exactly: no float rounds it, and an exponent of a
// million is a number out of range, not a million digits.

// maxDigits bounds an integer: 18 digits fit into an int64.
const maxDigits = 18

// integer reads a whole number between two bounds, both included.
func (c *cursor) integer(low, high int64) int64 {
	if b := c.peek(); c.err != nil || b != '-' && !isDigit(b) {
		c.misfit(aNumber)
		return 0
	}
	if n, ok := c.plainInteger(low, high); ok {
		return n
	}
	n := c.number()
	switch {
	case c.err != nil:
	case !n.whole():
		c.fail(RuleWrongType, "a fraction where "+anInteger+" belongs")
	case n.digits() > maxDigits || n.value() < low || n.value() > high:
		c.fail(RuleOutOfRange, fmt.Sprintf("%s outside %d to %d", anInteger, low, high))
	default:
		return n.value()
	}
	return 0
}

// plainInteger reads a whole number that is spelled as nearly all are, in digits only.
// What it doesn't read, because it is spelled or because it is wrong in any other way,
// is left to [cursor.number].
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

// decimal is a number as its spelling says: significant × 10^exponent. The
// significant part neither begins nor ends with a zero.
type decimal struct {
	negative    bool
	significant int64 // only while count is at most maxDigits
	count       int   // of the significant digits; none for zero
	zeros       int   // after the last significant digit so far
	exponent    int
}

// whole says whether the number has no fraction.
func (d decimal) whole() bool { return d.count == 0 || d.exponent >= 0 }

// digits is how many digits the whole number has.
func (d decimal) digits() int {
	if d.count == 0 {
		return 0
	}
	return d.count + d.exponent
}

// value is the whole number, of at most maxDigits digits.
func (d decimal) value() int64 {
	n := d.significant
	if n == 0 {
		return 0
	}
	for range d.exponent {
		n *= 10
	}
	if d.negative {
		return -n
	}
	return n
}

// add takes the next digit of the spelling.
func (d *decimal) add(digit byte) {
	if digit == 0 {
		if d.count > 0 {
			d.zeros++
		}
		return
	}
	d.count += d.zeros + 1
	for ; d.zeros > 0 && d.count <= maxDigits; d.zeros-- {
		d.significant *= 10
	}
	d.zeros = 0
	if d.count <= maxDigits {
		d.significant = d.significant*10 + int64(digit)
	}
}

// number reads a number by the grammar of JSON.
func (c *cursor) number() (d decimal) {
	if c.s[c.pos] == '-' {
		d.negative = true
		c.pos++
	}
	if c.at('0') {
		c.pos++
	} else {
		c.digits(&d)
	}
	fraction := 0
	if c.at('.') {
		c.pos++
		fraction = c.digits(&d)
	}
	d.exponent = c.exponent() - fraction + d.zeros
	if c.pos < len(c.s) && !endsNumber(c.s[c.pos]) {
		c.failAt("a number that goes on as none does") // 012, 0x1F, 1_000
	}
	return d
}

func (c *cursor) at(b byte) bool { return c.pos < len(c.s) && c.s[c.pos] == b }

// digits reads one or more digits and returns how many.
func (c *cursor) digits(d *decimal) int {
	start := c.pos
	for ; c.pos < len(c.s) && isDigit(c.s[c.pos]); c.pos++ {
		d.add(c.s[c.pos] - '0')
	}
	if c.pos == start {
		c.failAt("an unfinished number")
	}
	return c.pos - start
}

// maxExponent is where an exponent stops counting: no message has the digits to
// bring such a number back into any range.
const maxExponent = 1 << 20

// exponent reads the exponent, 0 where none is written.
func (c *cursor) exponent() int {
	if !c.at('e') && !c.at('E') {
		return 0
	}
	c.pos++
	negative := c.at('-')
	if negative || c.at('+') {
		c.pos++
	}
	start, n := c.pos, 0
	for ; c.pos < len(c.s) && isDigit(c.s[c.pos]); c.pos++ {
		n = min(n*10+int(c.s[c.pos]-'0'), maxExponent)
	}
	if c.pos == start {
		c.failAt("an unfinished number")
	}
	if negative {
		return -n
	}
	return n
}

func isDigit(b byte) bool { return b-'0' <= 9 }
