// Package extract reads and writes the register at go-live: the sponsors, the
// residents and their residencies that exist before the first message, as the
// README beside it documents the format. It reads strictly: a line can be read in one
// way only, and every bad line is named by its file, its number, the field and the rule.
// It stores nothing; the import into Postgres and the simulator that writes an invented
// register call it.
//
// A register holds personal data. Errors of this package name places, fields and
// shapes, never a value.
package extract

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tajdeed/schema"
)

// Kind is what a record of an extract describes.
type Kind uint8

// The kinds, in the order in which an extract holds them: each may refer to those
// before it.
const (
	KindSponsor Kind = iota + 1
	KindResident
	KindResidency
)

var kindNames = [...]string{KindSponsor: "sponsor", KindResident: "resident", KindResidency: "residency"}

// String returns the kind as the field "record" names it.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return ""
	}
	return kindNames[k]
}

// Format is how the lines of a file are written.
type Format uint8

// The formats.
const (
	FormatNDJSON Format = iota + 1 // one JSON object a line
	FormatCSV                      // a header row, then one record a line
)

var formatNames = [...]string{FormatNDJSON: "ndjson", FormatCSV: "csv"}

// String returns the format's name, which is also its files' extension.
func (f Format) String() string {
	if int(f) >= len(formatNames) {
		return ""
	}
	return formatNames[f]
}

// ParseFormat returns the format of a name.
func ParseFormat(s string) (Format, bool) {
	for f := FormatNDJSON; int(f) < len(formatNames); f++ {
		if formatNames[f] == s {
			return f, true
		}
	}
	return 0, false
}

// tables are the names of a directory's files, without their extension.
var tables = [...]string{KindSponsor: "sponsors", KindResident: "residents", KindResidency: "residencies"}

// Extract is an extract in one file or in a directory. It is not safe for use by two
// goroutines at once.
type Extract struct {
	parts   []part
	digest  *[32]byte // once it is known
	observe func(bytes int)
}

// part is one file of an extract.
type part struct {
	path   string
	name   string // how errors name it
	format Format
	kind   Kind // what all its records are; 0 where it holds every kind
	size   int64
}

// Open finds the files of an extract: path is one NDJSON file with all records,
// or a directory with one file for each kind. The files are read later, several
// times, so path cannot be a pipe.
func Open(path string) (*Extract, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open extract: %w", err)
	}
	if !info.IsDir() {
		return openFile(path)
	}
	e := &Extract{}
	for kind := KindSponsor; kind <= KindResidency; kind++ {
		p, err := findPart(path, kind)
		if err != nil {
			return nil, fmt.Errorf("open extract: %w", err)
		}
		e.parts = append(e.parts, p)
	}
	return e, nil
}

func openFile(path string) (*Extract, error) {
	if filepath.Ext(path) == ".csv" {
		return nil, fmt.Errorf("open extract: %s holds one kind of record only: name its directory", filepath.Base(path))
	}
	p, err := newPart(path, FormatNDJSON, 0)
	if err != nil {
		return nil, fmt.Errorf("open extract: %w", err)
	}
	return &Extract{parts: []part{p}}, nil
}

// findPart finds the one file of a directory that holds a kind of record.
func findPart(dir string, kind Kind) (part, error) {
	var found []part
	for _, format := range []Format{FormatNDJSON, FormatCSV} {
		p, err := newPart(filepath.Join(dir, fileName(kind, format)), format, kind)
		switch {
		case err == nil:
			found = append(found, p)
		case !errors.Is(err, os.ErrNotExist):
			return part{}, err
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return part{}, fmt.Errorf("%s holds neither %s nor %s", dir, fileName(kind, FormatNDJSON), fileName(kind, FormatCSV))
	default:
		return part{}, fmt.Errorf("%s holds both %s and %s: keep one", dir, found[0].name, found[1].name)
	}
}

func fileName(kind Kind, format Format) string { return tables[kind] + "." + format.String() }

func newPart(path string, format Format, kind Kind) (part, error) {
	info, err := os.Stat(path)
	if err != nil {
		return part{}, err
	}
	if !info.Mode().IsRegular() {
		return part{}, fmt.Errorf("%s is not a regular file", path)
	}
	return part{path: path, name: filepath.Base(path), format: format, kind: kind, size: info.Size()}, nil
}

// Size returns the bytes of all files together when they were found.
func (e *Extract) Size() int64 {
	var size int64
	for _, p := range e.parts {
		size += p.size
	}
	return size
}

// Observe has f called with the number of bytes whenever some were read, for a
// progress bar. Every pass over the extract reads all of [Extract.Size] once.
func (e *Extract) Observe(f func(bytes int)) { e.observe = f }

// Record is one line of an extract.
type Record struct {
	File string
	Line int // counted from 1, header rows included
	// Raw is the line without its end, at most [MaxLineBytes] of it. It is valid
	// until the next record and holds personal data: it goes only where the
	// operator asked for it.
	Raw []byte

	// Kind says which one of the following is set.
	Kind      Kind
	Sponsor   schema.Sponsor
	Resident  schema.Resident
	Residency schema.Residency

	part int
}
