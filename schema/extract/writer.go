package extract

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tajdeed/schema"
)

// Writer writes an extract into a directory, one file for each kind of record. Its
// methods may be called in any order of kinds; the first error sticks. It is not
// safe for use by two goroutines at once.
type Writer struct {
	format Format
	files  [KindResidency + 1]*os.File
	to     [KindResidency + 1]*bufio.Writer
	line   []byte
	err    error
}

// Create begins an extract in a directory, which is made where it is not there. It
// replaces the files of an extract of the same format. They hold personal data:
// only their owner can read them.
func Create(dir string, format Format) (*Writer, error) {
	if format.String() == "" {
		return nil, fmt.Errorf("create extract: no such format")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create extract: %w", err)
	}
	w := &Writer{format: format}
	for kind := KindSponsor; kind <= KindResidency; kind++ {
		f, err := os.OpenFile(filepath.Join(dir, fileName(kind, format)), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create extract: %w", err), w.Close())
		}
		w.files[kind], w.to[kind] = f, bufio.NewWriterSize(f, 64<<10)
		if format == FormatCSV {
			w.writeHeader(kind)
		}
	}
	return w, nil
}

func (w *Writer) writeHeader(kind Kind) {
	names := make([]string, len(columns[kind]))
	for i, c := range columns[kind] {
		names[i] = c.name
	}
	w.line = append(w.line[:0], strings.Join(names, ",")...)
	_ = w.end(kind) // the error sticks
}

// Sponsor writes a sponsor.
func (w *Writer) Sponsor(s schema.Sponsor) error {
	w.begin(KindSponsor)
	w.text(KindSponsor, 0, strconv.Itoa(int(s.ID)))
	w.text(KindSponsor, 1, s.Kind.String())
	w.number(KindSponsor, 2, int(s.Article))
	return w.end(KindSponsor)
}

// Resident writes a resident. A passport that readers of the format refuse is an
// error.
func (w *Writer) Resident(r schema.Resident) error {
	if w.err == nil && (!schema.IsPassportNumber(r.Passport.Number) || !schema.IsCountry(r.Passport.Country)) {
		w.err = errors.New("write extract: a passport's number or country is not of the form of the format")
	}
	w.begin(KindResident)
	w.text(KindResident, 0, r.CivilID.String())
	w.text(KindResident, 1, r.Passport.Number)
	w.text(KindResident, 2, r.Passport.Country)
	w.text(KindResident, 3, r.Passport.ExpiresOn.String())
	return w.end(KindResident)
}

// Residency writes a residency.
func (w *Writer) Residency(r schema.Residency) error {
	w.begin(KindResidency)
	w.text(KindResidency, 0, r.CivilID.String())
	w.number(KindResidency, 1, int(r.Article))
	w.text(KindResidency, 2, strconv.Itoa(int(r.SponsorID)))
	w.text(KindResidency, 3, r.Relation.String())
	w.text(KindResidency, 4, r.ExpiresOn.String())
	return w.end(KindResidency)
}

// Close ends the extract: it is whole only if Close returns nil.
func (w *Writer) Close() error {
	for kind := KindSponsor; kind <= KindResidency; kind++ {
		if w.files[kind] == nil {
			continue
		}
		w.keep(w.to[kind].Flush())
		w.keep(w.files[kind].Close())
		w.files[kind] = nil
	}
	return w.err
}

func (w *Writer) keep(err error) {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("write extract: %w", err)
	}
}

func (w *Writer) begin(kind Kind) {
	w.line = w.line[:0]
	if w.format == FormatNDJSON {
		w.line = append(w.line, `{"`+fieldRecord+`":"`...)
		w.line = append(append(w.line, kindNames[kind]...), '"')
	}
}

// end writes the line.
func (w *Writer) end(kind Kind) error {
	if w.err != nil {
		return w.err
	}
	if w.format == FormatNDJSON {
		w.line = append(w.line, '}')
	}
	_, err := w.to[kind].Write(append(w.line, '\n'))
	w.keep(err)
	return w.err
}

func (w *Writer) text(kind Kind, i int, value string) {
	w.name(kind, i)
	if w.format == FormatCSV {
		w.line = append(w.line, value...)
		return
	}
	w.line = append(append(append(w.line, '"'), value...), '"')
}

// number writes a number; 0 is an optional field that is absent.
func (w *Writer) number(kind Kind, i, value int) {
	if value == 0 && w.format == FormatNDJSON {
		return
	}
	if w.name(kind, i); value != 0 {
		w.line = strconv.AppendInt(w.line, int64(value), 10)
	}
}

// name writes what stands before a value.
func (w *Writer) name(kind Kind, i int) {
	switch {
	case w.format == FormatNDJSON:
		w.line = append(append(append(w.line, `,"`...), columns[kind][i].name...), `":`...)
	case i > 0:
		w.line = append(w.line, ',')
	}
}
