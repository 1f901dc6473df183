package extract

import (
	"bytes"
	"fmt"
)

// header says which column of a kind each column of a CSV file is.
type header struct {
	kind    Kind
	columns []int
}

// byteOrderMark is what some programs write before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// parseHeader reads a header row: every column of the kind, once, in any order.
func parseHeader(kind Kind, line []byte) (header, *fault) {
	h := header{kind: kind}
	if bytes.HasPrefix(line, byteOrderMark) {
		return h, &fault{"", RuleBadHeader, "a byte order mark before the first name: save the file as UTF-8 without one"}
	}
	var seen [maxColumns]bool
	cells := cells{rest: line, more: true}
	for name, f := cells.next(); ; name, f = cells.next() {
		if f != nil {
			return h, f
		}
		if name == nil {
			break
		}
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
	cells := cells{rest: line, more: true}
	for _, i := range h.columns {
		cell, f := cells.next()
		if f != nil {
			return f
		}
		if cell == nil {
			return &fault{"", RuleWrongColumns, fmt.Sprintf("fewer than %d columns", len(h.columns))}
		}
		if len(cell) > 0 {
			v[i] = cell
		}
	}
	if cells.more {
		return &fault{"", RuleWrongColumns, fmt.Sprintf("more than %d columns", len(h.columns))}
	}
	return missing(h.kind, v)
}

// cells are the cells of a row that are still to be read.
type cells struct {
	rest []byte
	more bool
}

// next returns the next cell, nil after the last. A cell may be quoted; what it
// holds never needs it, so nothing is escaped in it.
func (c *cells) next() ([]byte, *fault) {
	if !c.more {
		return nil, nil
	}
	cell := c.rest
	end := bytes.IndexByte(c.rest, ',')
	if c.more = end >= 0; c.more {
		cell, c.rest = c.rest[:end:end], c.rest[end+1:]
	}
	if len(cell) >= 2 && cell[0] == '"' && cell[len(cell)-1] == '"' {
		cell = cell[1 : len(cell)-1]
	}
	if bytes.IndexByte(cell, '"') >= 0 {
		return nil, &fault{"", RuleNotCSV, "a quote inside a cell"}
	}
	if cell == nil {
		cell = []byte{}
	}
	return cell, nil
}
