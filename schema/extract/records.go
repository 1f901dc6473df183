package extract

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// ErrChanged ends a pass over an extract whose bytes are no longer those that its digest
// was computed of.
var ErrChanged = errors.New("the extract changed while it was read")

// Records yields every line but header rows, file by file, sponsors before
// residents before residencies. The record is valid until the next one. Where a
// line cannot be read as a record, the error is a [*LineError], the record holds
// its place and Raw, and the iteration goes on; only after a bad header row, under
// which nothing can be read, it ends. Any other error is the last thing yielded.
func (e *Extract) Records() iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		p := pass{extract: e, yield: yield, sum: newSum()}
		for i := range e.parts {
			if !p.file(i) {
				return
			}
		}
		if e.digest != nil && p.sum.digest(e) != *e.digest {
			yield(nil, ErrChanged)
		}
	}
}

// pass is one reading of an extract.
type pass struct {
	extract *Extract
	yield   func(*Record, error) bool
	sum     *sum
	source  part   // the file that is being read
	header  header // of a CSV file
	objects objects
	values  values // of the line
	latest  Kind   // the kind of the latest good record of a file of every kind
}

// file yields the lines of a file, and says whether the pass goes on.
func (p *pass) file(i int) bool {
	p.source = p.extract.parts[i]
	f, err := os.Open(p.source.path)
	if err != nil {
		return p.fail(err)
	}
	defer f.Close()
	lines := newLines(&teeReader{f, p.sum.file, p.extract.observe})
	record := &Record{File: p.source.name, part: i}
	if p.source.format == FormatCSV && !p.readHeader(lines, record) {
		return false
	}
	for {
		wrong, err := lines.next(record)
		switch {
		case errors.Is(err, io.EOF):
			p.sum.endFile()
			return true
		case err != nil:
			return p.fail(err)
		case !p.line(record, wrong):
			return false
		}
	}
}

// readHeader reads the first line of a CSV file, and says whether it can be.
func (p *pass) readHeader(lines *lines, r *Record) bool {
	wrong, err := lines.next(r)
	switch {
	case errors.Is(err, io.EOF):
		r.Line, wrong = 1, &fault{"", RuleBadHeader, "no header row: the file is empty"}
	case err != nil:
		return p.fail(err)
	case wrong != nil:
		wrong.rule = RuleBadHeader
	default:
		p.header, wrong = parseHeader(p.source.kind, r.Raw)
	}
	if wrong != nil {
		p.yield(r, wrong.at(r))
	}
	return wrong == nil
}

// line yields a line, and says whether the pass goes on.
func (p *pass) line(r *Record, wrong *fault) bool {
	if wrong == nil {
		wrong = p.parse(r)
	}
	if wrong != nil {
		r.Kind = 0
		return p.yield(r, wrong.at(r))
	}
	return p.yield(r, nil)
}

// parse reads the record of a line and checks that it may stand there.
func (p *pass) parse(r *Record) *fault {
	v := &p.values
	if p.source.format == FormatCSV {
		if wrong := p.header.parse(r.Raw, v); wrong != nil {
			return wrong
		}
		return v.record(p.source.kind, r)
	}
	kind, wrong := p.objects.parse(r.Raw, v)
	switch {
	case wrong != nil:
		return wrong
	case p.source.kind != 0 && kind != p.source.kind:
		return &fault{fieldRecord, RuleWrongRecord, "a " + kind.String() + " in the file of " + tables[p.source.kind]}
	case p.source.kind == 0 && kind < p.latest:
		return &fault{fieldRecord, RuleOutOfOrder, "a " + kind.String() + " after a " + p.latest.String()}
	}
	if wrong := v.record(kind, r); wrong != nil {
		return wrong
	}
	p.latest = kind
	return nil
}

func (p *pass) fail(err error) bool {
	p.yield(nil, fmt.Errorf("read extract: %w", err))
	return false
}
