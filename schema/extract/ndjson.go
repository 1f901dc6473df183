package extract

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// fieldRecord is the field that names a line's kind of record.
const fieldRecord = "record"

// maxMembers is the most members of a line: the fields and "record".
const maxMembers = maxColumns + 1

// member is a name and a value of an object, as they are written.
type member struct {
	name, text string
	number     bool
}

// objects reads lines that hold one flat JSON object each, by jsontext. BenchmarkRecords
// reads 1.55 million lines a second so, and 3.0 million of CSV by encoding/csv; scanners
// of our own read 2.4 and 6.1 million (two cores of an Intel Xeon VM). An import, which
// reads its extract three times, goes down from 354,000 rows a second to 293,000, and
// from 437,000 to 380,000 (postgres.BenchmarkImportRegister). It happens once.
type objects struct {
	decoder jsontext.Decoder
	source  bytes.Buffer
	line    string
	found   [maxMembers]member
}

// parse reads a line.
func (o *objects) parse(line []byte, v *values) (Kind, *fault) {
	found, f := o.members(line)
	if f != nil {
		return 0, f
	}
	kind, f := kindOf(found)
	if f != nil {
		return 0, f
	}
	return kind, assign(kind, found, v)
}

// kindOf finds the member "record". A second one is no field of any kind.
func kindOf(found []member) (Kind, *fault) {
	for i, m := range found {
		if m.name != fieldRecord {
			continue
		}
		for _, later := range found[i+1:] {
			if later.name == fieldRecord {
				return 0, &fault{fieldRecord, RuleDuplicateField, "given twice"}
			}
		}
		if m.number {
			return 0, &fault{fieldRecord, RuleWrongType, "a number where a string belongs"}
		}
		for kind := KindSponsor; kind <= KindResidency; kind++ {
			if m.text == kindNames[kind] {
				return kind, nil
			}
		}
		return 0, &fault{fieldRecord, RuleNotInSet, fmt.Sprintf("%d bytes that are no member of the set", len(m.text))}
	}
	return 0, &fault{fieldRecord, RuleMissingField, "not given"}
}

// assign puts the members under their columns.
func assign(kind Kind, found []member, v *values) *fault {
	*v = values{}
	for _, m := range found {
		if m.name == fieldRecord {
			continue
		}
		i := columnOf(kind, m.name)
		if i < 0 {
			return &fault{"", RuleUnknownField, describeName(m.name) + " is no field of a " + kind.String()}
		}
		c := &columns[kind][i]
		if v[i].given {
			return &fault{c.name, RuleDuplicateField, "given twice"}
		}
		if c.number != m.number {
			return &fault{c.name, RuleWrongType, jsonType(m.number) + " where " + jsonType(c.number) + " belongs"}
		}
		v[i] = value{m.text, true}
	}
	return missing(kind, v)
}

// missing names the first required field that is not given.
func missing(kind Kind, v *values) *fault {
	for i := range columns[kind] {
		if c := &columns[kind][i]; !v[i].given && !c.optional {
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

// members reads the members of the one object on the line.
func (o *objects) members(line []byte) ([]member, *fault) {
	o.line, o.source = string(line), *bytes.NewBuffer(line)
	// A name that is given twice is found by assign, which can name it.
	o.decoder.Reset(&o.source, jsontext.AllowDuplicateNames(true))
	if o.decoder.PeekKind() != '{' {
		return nil, o.broken("no object")
	}
	_, _ = o.decoder.ReadToken() // the brace
	n := 0
	for ; o.decoder.PeekKind() == '"'; n++ {
		if n == maxMembers {
			return nil, &fault{"", RuleUnknownField, fmt.Sprintf("more than %d fields", maxMembers)}
		}
		if f := o.member(&o.found[n]); f != nil {
			return nil, f
		}
	}
	if _, err := o.decoder.ReadToken(); err != nil {
		return nil, o.broken("neither another field nor the object's end")
	}
	if _, err := o.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, o.broken("bytes after the end of the object")
	}
	return o.found[:n], nil
}

// member reads a name and its value.
func (o *objects) member(m *member) (f *fault) {
	if m.name, f = o.text(); f != nil {
		return f
	}
	switch o.decoder.PeekKind() {
	case '"':
		m.number = false
		m.text, f = o.text()
	case '0':
		m.number = true
		m.text, f = o.number()
	case jsontext.KindInvalid:
		f = o.broken("no colon or no value")
	default:
		f = &fault{"", RuleWrongType, fmt.Sprintf("neither a string nor a number after byte %d", o.decoder.InputOffset())}
	}
	return f
}

// text reads a string without escapes: no value of the format needs one.
func (o *objects) text() (string, *fault) {
	quoted, err := o.decoder.ReadValue()
	if err != nil || bytes.IndexByte(quoted, '\\') >= 0 {
		return "", o.broken("an unfinished string, an escape or a control character")
	}
	end := int(o.decoder.InputOffset())
	return o.line[end-len(quoted)+1 : end-1], nil
}

// number reads an integer; the format has no others.
func (o *objects) number() (string, *fault) {
	number, err := o.decoder.ReadValue()
	if err != nil || !isInteger(string(number)) {
		return "", o.broken("a number that is not an integer")
	}
	return string(number), nil
}

// broken is the fault of a line that is not JSON as the format writes it. It says where,
// and nothing of the library's error, which may hold a value.
func (o *objects) broken(what string) *fault {
	return &fault{"", RuleNotJSON, fmt.Sprintf("%s after byte %d", what, o.decoder.InputOffset())}
}
