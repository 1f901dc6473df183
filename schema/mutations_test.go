package schema

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// mutations are golden messages with one to four changes each. The changes know JSON, so that
// many of the messages are still accepted or refused for one small thing, which is where two
// readers may differ.
type mutations struct {
	random    *rand.Rand
	good, bad [][]byte
}

func newMutations(tb testing.TB, m message, seed uint64) *mutations {
	tb.Helper()
	s := &mutations{random: rand.New(rand.NewPCG(seed, 2025)), bad: sorted(goldenFiles(tb, m.name, "rejected"))}
	for _, folder := range m.good() {
		s.good = append(s.good, sorted(goldenFiles(tb, m.name, folder))...)
	}
	return s
}

// sorted are the messages in the order of their names, so that a seed makes the same changes
// in every run. White space up to the limit would show nothing and take time.
func sorted(files map[string][]byte) (messages [][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) < 4096 {
			messages = append(messages, files[name])
		}
	}
	return messages
}

func (s *mutations) next() []byte {
	from := s.good
	if s.random.IntN(6) == 0 {
		from = s.bad
	}
	data := slices.Clone(pick(s, from))
	for range 1 + s.random.IntN(2)*s.random.IntN(4) {
		data = pick(s, changes)(s, data)
	}
	return data
}

func pick[T any](s *mutations, from []T) T { return from[s.random.IntN(len(from))] }

var changes = []func(*mutations, []byte) []byte{
	(*mutations).dropMember, (*mutations).doubleMember, (*mutations).renameMember,
	(*mutations).replaceValue, (*mutations).swapValues, (*mutations).moveMember,
	(*mutations).respellNumber, (*mutations).respellNumber,
	(*mutations).changeString, (*mutations).changeString,
	(*mutations).changeByte, (*mutations).addSpace,
	(*mutations).addUnknown, (*mutations).addUnknown,
}

// part is a value in a message, with its name where it is a member.
type part struct {
	name, start, end int // name is -1 where it has none
	kind             jsontext.Kind
}

// parts returns the values of a message, as far as it is JSON.
func parts(data []byte) (all []part) {
	var open []int
	name := -1
	d := jsontext.NewDecoder(bytes.NewBuffer(slices.Clone(data)), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for {
		kind := d.PeekKind()
		parent, n := d.StackIndex(d.StackDepth())
		named := parent == '{' && n%2 == 0
		switch kind {
		case '{', '[', '}', ']':
			if _, err := d.ReadToken(); err != nil {
				return complete(all)
			}
		default:
			raw, err := d.ReadValue()
			if err != nil {
				return complete(all)
			}
			start := int(d.InputOffset()) - len(raw)
			if named {
				name = start
				continue
			}
			all = append(all, part{name, start, start + len(raw), kind})
		}
		at := int(d.InputOffset())
		switch kind {
		case '{', '[':
			open = append(open, len(all))
			all = append(all, part{name, at - 1, 0, kind})
		case '}', ']':
			all[open[len(open)-1]].end = at
			open = open[:len(open)-1]
		}
		name = -1
	}
}

// complete leaves out the objects and arrays that do not end.
func complete(all []part) []part {
	return slices.DeleteFunc(all, func(p part) bool { return p.end == 0 })
}

// any returns one of the values that are wanted.
func (s *mutations) any(data []byte, wanted func(part) bool) (part, bool) {
	found := slices.DeleteFunc(parts(data), func(p part) bool { return !wanted(p) })
	if len(found) == 0 {
		return part{}, false
	}
	return pick(s, found), true
}

func isMember(p part) bool { return p.name >= 0 }
func isValue(part) bool    { return true }

func ofKind(kind jsontext.Kind) func(part) bool {
	return func(p part) bool { return p.kind == kind }
}

func splice(data []byte, start, end int, with string) []byte {
	return slices.Concat(data[:start], []byte(with), data[end:])
}

func (s *mutations) dropMember(data []byte) []byte {
	p, ok := s.any(data, isMember)
	if !ok {
		return data
	}
	end := p.end
	for end < len(data) && s.random.IntN(20) > 0 && (data[end] == ',' || data[end] == ' ' || data[end] == '\n') {
		end++
	}
	return splice(data, p.name, end, "")
}

func (s *mutations) doubleMember(data []byte) []byte {
	p, ok := s.any(data, isMember)
	if !ok {
		return data
	}
	return splice(data, p.end, p.end, ","+string(data[p.name:p.end]))
}

// moveMember puts a member into another object, which may be one that does not name it.
func (s *mutations) moveMember(data []byte) []byte {
	p, ok1 := s.any(data, isMember)
	to, ok2 := s.any(data, ofKind('{'))
	if !ok1 || !ok2 {
		return data
	}
	return splice(data, to.start+1, to.start+1, string(data[p.name:p.end])+",")
}

func (s *mutations) renameMember(data []byte) []byte {
	p, ok1 := s.any(data, isMember)
	other, ok2 := s.any(data, isMember)
	if !ok1 || !ok2 {
		return data
	}
	name, _, _ := strings.Cut(string(data[p.name+1:]), `"`)
	renamed := pick(s, []string{
		"", "x", name + "_", strings.ToUpper(name), strings.TrimSuffix(name, "_id"), s.escaped(name), s.escaped(name),
		strings.Trim(strings.SplitN(string(data[other.name:other.end]), ":", 2)[0], `" `),
	})
	return splice(data, p.name+1, p.name+1+len(name), renamed)
}

func (s *mutations) replaceValue(data []byte) []byte {
	p, ok := s.any(data, isValue)
	if !ok {
		return data
	}
	empty := map[jsontext.Kind]string{'[': "[]", '{': "{}", '"': `""`, '0': "0"}[p.kind]
	return splice(data, p.start, p.end, pick(s, []string{pick(s, replacements), pick(s, replacements), pick(s, replacements), "null", empty}))
}

func (s *mutations) swapValues(data []byte) []byte {
	p, ok1 := s.any(data, isValue)
	q, ok2 := s.any(data, isValue)
	if p.start > q.start {
		p, q = q, p
	}
	if !ok1 || !ok2 || p.end > q.start {
		return data
	}
	first, second := string(data[p.start:p.end]), string(data[q.start:q.end])
	return splice(splice(data, q.start, q.end, first), p.start, p.end, second)
}

// respellNumber writes a number in another way, or one beside it.
func (s *mutations) respellNumber(data []byte) []byte {
	p, ok := s.any(data, ofKind('0'))
	if !ok {
		return data
	}
	old := string(data[p.start:p.end])
	n, _ := strconv.Atoi(old)
	return splice(data, p.start, p.end, pick(s, []string{
		old + ".0", old + ".000", old + "e0", old + "E+00", old + "0e-1", old + "00000000000000000000E-20", "0." + old + "e" + strconv.Itoa(len(old)),
		old[:1] + "." + old[1:] + "0e" + strconv.Itoa(len(old)-1), old + ".5", old + "e-1", old + "e1", old + "e", old + ".", "." + old, "+" + old, "0" + old, "-" + old,
		strconv.Itoa(n + 1), strconv.Itoa(n - 1), strconv.Itoa(n * 10), strconv.Itoa(-n), "0.0", "-0.0e7", old + "e400", old + "e-400", old + "e99999999999", `"` + old + `"`,
		"1", "0", "99", "100", "180", "181", "100000", "100001", "1000000", "1000001", "100000000", "100000001", "9007199254740991", "9007199254740992", "999999999999999999", "1000000000000000000",
	}))
}

// changeString cuts a string, makes it longer, or writes it in another way.
func (s *mutations) changeString(data []byte) []byte {
	p, ok := s.any(data, ofKind('"'))
	if !ok {
		return data
	}
	old := string(data[p.start+1 : p.end-1])
	at := s.random.IntN(len(old) + 1)
	for at < len(old) && !utf8.RuneStart(old[at]) && s.random.IntN(10) > 0 {
		at++
	}
	return splice(data, p.start+1, p.end-1, pick(s, []string{
		old[:at], old[at:], old[:at] + old[max(at-1, 0):], old[:at] + old[min(at+1, len(old)):],
		s.escaped(old), s.escaped(old), s.escaped(old), strings.ToUpper(old), strings.ToLower(old), strings.ReplaceAll(old, "_", "-"),
		old[:at] + pick(s, insertions) + old[at:], old[:at] + pick(s, insertions) + old[at:],
		old[:at] + pick(s, insertions) + old[min(at+1, len(old)):],
		strings.Repeat(pick(s, []string{"x", "7", "A", "A", "ا", "😀", `\n`, `\u0041`}), pick(s, limits)),
		strings.Repeat(pick(s, []string{"x", "7", "A"}), pick(s, limits)),
	}))
}

// limits are the lengths of strings that are just allowed, and those beside them.
var limits = []int{0, 1, 2, 3, 4, 5, 6, 9, 12, 20, 21, 32, 33, 36, 64, 65, 200, 201, 249, 250, 500, 501}

var insertions = []string{
	"0", "9", "a", "Z", "_", "-", ".", "@", "+", ":", "T", " ", "/", "٣", "é", "ﬀ", "\u2028", "\ufeff", "😀", `\"`, `\\`, `\/`, `\b`, `\n`, `\u0000`, `\u00e9`, `\uD83D\uDE00`,
	`\ud83d`, `\ude00`, `\ud83d\ud83d`, `\x`, `\u12`, `\U0041`, `\`, `"`, "\n", "\t", "\x00", "\x7f", "\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "23:59:60", "2026-02-30", "60",
}

// escaped writes one of a string's characters as an escape.
func (s *mutations) escaped(text string) string {
	at := s.random.IntN(len(text) + 1)
	if at == len(text) || text[at] >= utf8.RuneSelf || text[at] == '\\' || text[at] == '"' {
		return text
	}
	format := pick(s, []string{`\u%04x`, `\u%04X`})
	return text[:at] + fmt.Sprintf(format, text[at]) + text[at+1:]
}

// changeByte flips a bit, or puts a byte in or takes one out.
func (s *mutations) changeByte(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	at := s.random.IntN(len(data))
	switch s.random.IntN(4) {
	case 0:
		return splice(data, at, at+1, "")
	case 1:
		return splice(data, at, at, string([]byte{byte(s.random.Uint32())}))
	case 2:
		return data[:at]
	}
	data[at] ^= 1 << s.random.IntN(8)
	return data
}

func (s *mutations) addSpace(data []byte) []byte {
	p, ok := s.any(data, isValue)
	if !ok {
		return data
	}
	at := pick(s, []int{p.start, p.end, max(p.name, 0), 0, len(data)})
	return splice(data, at, at, pick(s, []string{" ", "\n", "\r\n", "\t", strings.Repeat(" \n", 50), "\f", "\v", "\u00a0", "\u2028", "\ufeff", "\x00", "//\n", "/**/", ","}))
}

// addUnknown adds a member to one of the objects.
func (s *mutations) addUnknown(data []byte) []byte {
	p, ok := s.any(data, ofKind('{'))
	if !ok {
		return data
	}
	return splice(data, p.start+1, p.start+1, s.member()+",")
}

func (s *mutations) member() string {
	name := pick(s, []string{"x", "x", "y", "", "é", "é", "X", `\u0078`, "channel", "civil_id", "decided_by", "code", "cause", "😀", `\ud83d\ude00`, `\ud83d`, strings.Repeat("n", 300)})
	return `"` + name + `"` + pick(s, []string{":", ": ", " :", "\n:\t"}) + s.value(3)
}

// value is JSON of any shape, and now and then no JSON.
func (s *mutations) value(depth int) string {
	shape := s.random.IntN(8)
	if depth == 0 {
		shape = 0
	}
	switch shape {
	case 1:
		return "[" + s.value(depth-1) + "," + s.value(depth-1) + "]"
	case 2:
		return "{" + s.member() + "," + s.member() + "}"
	case 3:
		return "{" + s.member() + "}"
	case 4:
		return strings.Repeat("[", 60) + s.value(depth-1) + strings.Repeat("]", 60)
	case 5:
		return `"` + pick(s, insertions) + `"`
	}
	return pick(s, []string{
		"null", "true", "false", "0", "-0", "1e999999999", "-1.5E-7", `""`, `"x"`, `"دفع"`, `"\ud83d\ude00"`, "[]", "{}", "[[], {}]", "[null]",
		"null", "true", "false", "1", "12", "-0.0", "1E400", `"\u0000"`, "\n1\n", "[ ]", "{ }",
		"01", "1.", "nul", "True", "NaN", `'x'`, "[1,]", "{,}", "", "]", "}", `{"a":1,"a":2}`,
	})
}
