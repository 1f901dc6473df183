package extract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tajdeed/schema"
)

var seeds = []string{
	`{"record":"sponsor","sponsor_id":"204118336","kind":"company"}`,
	`{"record":"sponsor","sponsor_id":"318200457","kind":"resident","article":18}`,
	`{"record":"resident","civil_id":"291030104196","passport_number":"N4417702","passport_country":"IND","passport_expires_on":"2030-07-14"}`,
	`{"record":"residency","civil_id":"291030104196","article":18,"sponsor_id":"204118336","relation":"employee","expires_on":"2026-02-19"}`,
	`{"record":"sponsor","sponsor_id":"204118336","kind":"company",}`,
	` { "article" : -0 , "record":"sponsor" } `,
	`{"record":"\u0073ponsor"}`, `{}`, `{"":""}`, `[`, `{"record":1e5}`, "\xff",
}

// anyRecord is a line as encoding/json reads it.
type anyRecord struct {
	Record            string `json:"record"`
	SponsorID         string `json:"sponsor_id"`
	Kind              string `json:"kind"`
	Article           int    `json:"article"`
	CivilID           string `json:"civil_id"`
	PassportNumber    string `json:"passport_number"`
	PassportCountry   string `json:"passport_country"`
	PassportExpiresOn string `json:"passport_expires_on"`
	Relation          string `json:"relation"`
	ExpiresOn         string `json:"expires_on"`
}

// FuzzNDJSON: a line that the parser accepts encoding/json accepts and reads the same.
func FuzzNDJSON(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, accepted := readNDJSON(line)
		if !accepted {
			return
		}
		var want anyRecord
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("accepted, but encoding/json says %v", err)
		}
		if got := asAny(r); got != want {
			t.Fatalf("read %+v, encoding/json %+v", got, want)
		}
	})
}

func readNDJSON(line []byte) (*Record, bool) {
	if checkLine(line) != nil || bytes.IndexByte(line, '\n') >= 0 {
		return nil, false
	}
	var v values
	kind, wrong := new(objects).parse(line, &v)
	if wrong != nil {
		return nil, false
	}
	r := &Record{}
	return r, v.record(kind, r) == nil
}

func asAny(r *Record) anyRecord {
	a := anyRecord{Record: r.Kind.String()}
	switch r.Kind {
	case KindSponsor:
		a.SponsorID, a.Kind, a.Article = sponsorID(r.Sponsor.ID), r.Sponsor.Kind.String(), int(r.Sponsor.Article)
	case KindResident:
		p := r.Resident.Passport
		a.CivilID, a.PassportNumber, a.PassportCountry, a.PassportExpiresOn = r.Resident.CivilID.String(), p.Number, p.Country, p.ExpiresOn.String()
	case KindResidency:
		y := r.Residency
		a.CivilID, a.Article, a.SponsorID = y.CivilID.String(), int(y.Article), sponsorID(y.SponsorID)
		a.Relation, a.ExpiresOn = y.Relation.String(), y.ExpiresOn.String()
	}
	return a
}

func sponsorID(id schema.SponsorID) string {
	return fmt.Sprint(uint32(id))
}

// FuzzCSV: the parsers of header and row neither crash nor read a row in two ways:
// a row that is accepted reads the same with every cell quoted.
func FuzzCSV(f *testing.F) {
	f.Add("sponsor_id,kind,article", "204118336,company,")
	f.Add("kind,\"article\",sponsor_id", "resident,18,\"318200457\"")
	f.Add("civil_id,passport_number,passport_country,passport_expires_on", "291030104196,N4417702,IND,2030-07-14")
	f.Add("civil_id,article,sponsor_id,relation,expires_on", "291030104196,18,204118336,employee,2026-02-19")
	f.Add("kind,kind", "\"\",\"\"\"")
	f.Fuzz(func(t *testing.T, first, row string) {
		if strings.Contains(first+row, "\n") {
			return // neither is a line
		}
		for kind := KindSponsor; kind <= KindResidency; kind++ {
			h, wrong := parseHeader(kind, []byte(first))
			if wrong != nil {
				continue
			}
			plain, ok := readCSV(&h, row)
			if !ok {
				continue
			}
			bare := strings.ReplaceAll(row, `"`, "")
			quoted, ok := readCSV(&h, `"`+strings.ReplaceAll(bare, ",", `","`)+`"`)
			if !ok || !reflect.DeepEqual(plain, quoted) {
				t.Fatalf("read %+v, quoted %+v", plain, quoted)
			}
		}
	})
}

func readCSV(h *header, row string) (Record, bool) {
	var v values
	var r Record
	if h.parse([]byte(row), &v) != nil || v.record(h.kind, &r) != nil {
		return Record{}, false
	}
	return r, true
}

func TestIDSet(t *testing.T) {
	s := newIDSet()
	const n = 100_000
	for id := uint64(1); id <= n; id++ {
		if s.has(id*7) || !s.add(id*7) || s.add(id*7) || !s.has(id*7) {
			t.Fatalf("%d", id)
		}
	}
	for id := uint64(1); id <= n; id++ {
		if !s.has(id*7) || s.has(id*7+1) || !s.mark(id*7) || s.mark(id*7) {
			t.Fatalf("%d after growing", id)
		}
	}
}

// BenchmarkRecords reads an extract of 100,000 of each kind of line from the page
// cache: what a pass costs, its digest included.
func BenchmarkRecords(b *testing.B) {
	for _, format := range []Format{FormatNDJSON, FormatCSV} {
		b.Run(format.String(), func(b *testing.B) { benchmarkPass(b, format, readAll) })
	}
}

// BenchmarkCheck also looks up every key and reference.
func BenchmarkCheck(b *testing.B) {
	for _, format := range []Format{FormatNDJSON, FormatCSV} {
		b.Run(format.String(), func(b *testing.B) {
			benchmarkPass(b, format, func(b *testing.B, e *Extract) int {
				census, err := e.Check(b.Context(), func(_ *Record, wrong *LineError) error { return wrong })
				if err != nil {
					b.Fatal(err)
				}
				return int(census.Records())
			})
		})
	}
}

func readAll(b *testing.B, e *Extract) (lines int) {
	for _, err := range e.Records() {
		if err != nil {
			b.Fatal(err)
		}
		lines++
	}
	return lines
}

func benchmarkPass(b *testing.B, format Format, pass func(*testing.B, *Extract) int) {
	dir := filepath.Join(b.TempDir(), "register")
	fill(b, dir, format, 100_000)
	e, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(e.Size())
	b.ReportAllocs()
	lines := 0
	for b.Loop() {
		lines += pass(b, e)
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
}

// fill writes n sponsors, residents and residencies.
func fill(b *testing.B, dir string, format Format, n int) {
	b.Helper()
	w, err := Create(dir, format)
	if err != nil {
		b.Fatal(err)
	}
	birth, serial := schema.NewDate(1970, 1, 1), 0
	for i := range n {
		id, ok := schema.NewCivilID(birth, serial)
		for ; !ok; id, ok = schema.NewCivilID(birth, serial) {
			serial++
		}
		if serial++; serial >= 1000 {
			birth, serial = birth+1, 0
		}
		sponsor := schema.SponsorID(100_000_000 + i)
		w.Sponsor(schema.Sponsor{ID: sponsor, Kind: schema.SponsorResident, Article: 18})
		w.Resident(schema.Resident{CivilID: id, Passport: schema.Passport{Number: "N4417702", Country: "IND", ExpiresOn: birth}})
		w.Residency(schema.Residency{CivilID: id, Article: 22, SponsorID: sponsor, Relation: schema.RelationSpouseOrChild, ExpiresOn: birth})
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		b.Fatal(err)
	}
}
