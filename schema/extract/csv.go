package extract

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
)

// header says which column of a kind each column of a CSV file is, and reads the rows.
type header struct {
	kind    Kind
	columns []int
	rows    rows
}

// byteOrderMark is what some programs write before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// parseHeader reads a header row: every column of the kind, once, in any order. The rule
// of its fault is [RuleBadHeader].
func parseHeader(kind Kind, line []byte) (header, *fault) {
	h := header{kind: kind, rows: newRows()}
	if bytes.HasPrefix(line, byteOrderMark) {
		return h, &fault{"", RuleBadHeader, "a byte order mark before the first name: save the file as UTF-8 without one"}
	}
	names, f := h.rows.cells(line)
	if f != nil {
		return h, &fault{"", RuleBadHeader, f.detail}
	}
	var seen [maxColumns]bool
	for _, name := range names {
		i := columnOf(kind, name)
		if i < 0 {
			return h, &fault{"", RuleBadHeader, describeName(name) + " is no field of a " + kind.String()}
		}
		if seen[i] {
			return h, &fault{columns[kind][i].name, RuleBadHeader, "given twice"}
		}
		seen[i] = true
		h.columns = append(h.columns, i)
	}
	for i := range columns[kind] {
		if !seen[i] {
			return h, &fault{columns[kind][i].name, RuleBadHeader, "not given"}
		}
	}
	return h, nil
}

// parse reads a row. An empty cell is a field that is absent.
func (h *header) parse(line []byte, v *values) *fault {
	*v = values{}
	cells, f := h.rows.cells(line)
	switch {
	case f != nil:
		return f
	case len(cells) != len(h.columns):
		return &fault{"", RuleWrongColumns, fmt.Sprintf("%d columns, not %d", len(cells), len(h.columns))}
	}
	for at, i := range h.columns {
		v[i] = value{text: cells[at], given: cells[at] != ""}
	}
	return missing(h.kind, v)
}

// rows splits rows into cells by encoding/csv. It gets one line at a time: alone it would
// read on from a quote that is not closed, to the end of the file if need be, and pass
// over empty lines, which are errors here.
type rows struct {
	line   *bytes.Buffer
	reader *csv.Reader
}

func newRows() rows {
	r := rows{line: &bytes.Buffer{}}
	r.reader = csv.NewReader(r.line)
	r.reader.FieldsPerRecord = -1 // any number: the caller compares it
	r.reader.ReuseRecord = true
	return r
}

// cells returns the cells of a row. They are valid until the next. A cell may be quoted;
// no value of the format holds a quote or a comma, so none may be in it.
func (r rows) cells(line []byte) ([]string, *fault) {
	r.line.Reset()
	r.line.Write(line)
	r.line.WriteString("\r\n")
	cells, err := r.reader.Read()
	if err != nil || slices.ContainsFunc(cells, func(cell string) bool { return strings.ContainsAny(cell, `",`) }) {
		return nil, &fault{"", RuleNotCSV, "a quote or a comma inside a cell"}
	}
	return cells, nil
}
