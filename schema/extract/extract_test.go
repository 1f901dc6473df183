package extract_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"tajdeed/schema"
	"tajdeed/schema/extract"
)

// Civil IDs of public test data (idnumbers, django-localflavor).
const (
	personA = 291030104196
	personB = 304022600325
)

var (
	company  = schema.Sponsor{ID: 204118336, Kind: schema.SponsorCompany}
	father   = schema.Sponsor{ID: 318200457, Kind: schema.SponsorResident, Article: 18}
	worker   = schema.Resident{CivilID: personA, Passport: passport("N4417702", "IND", "2030-07-14")}
	daughter = schema.Resident{CivilID: personB, Passport: passport("A01234567", "EGY", "2029-02-28")}
	workers  = schema.Residency{CivilID: personA, Article: 18, SponsorID: company.ID,
		Relation: schema.RelationEmployee, ExpiresOn: day("2026-02-19")}
	daughters = schema.Residency{CivilID: personB, Article: 22, SponsorID: father.ID,
		Relation: schema.RelationSpouseOrChild, ExpiresOn: day("2026-03-31")}
)

func passport(number, country, expires string) schema.Passport {
	return schema.Passport{Number: number, Country: country, ExpiresOn: day(expires)}
}

func day(s string) schema.Date {
	d, _ := schema.ParseDate(s)
	return d
}

func TestRoundTrip(t *testing.T) {
	for _, format := range []extract.Format{extract.FormatNDJSON, extract.FormatCSV} {
		t.Run(format.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			write(t, dir, format)
			wantAll(t, open(t, dir), company, father, worker, daughter, workers, daughters)
		})
	}
}

// write writes the register of the examples, with its kinds in mixed order.
func write(t *testing.T, dir string, format extract.Format) {
	t.Helper()
	w, err := extract.Create(dir, format)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.Sponsor(company), w.Resident(worker), w.Residency(workers),
		w.Sponsor(father), w.Resident(daughter), w.Residency(daughters), w.Close())
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriterRefusesWhatReadersRefuse(t *testing.T) {
	w, err := extract.Create(t.TempDir(), extract.FormatCSV)
	if err != nil {
		t.Fatal(err)
	}
	bad := worker
	bad.Passport.Number = "N44,177"
	if w.Resident(bad) == nil || w.Sponsor(company) == nil || w.Close() == nil {
		t.Fatal("accepted")
	}
}

// TestREADME reads the examples of the format's documentation.
func TestREADME(t *testing.T) {
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for i, block := range strings.Split(string(raw), "```") {
		if name, body, ok := strings.Cut(block, "\n"); ok && i%2 == 1 {
			blocks[name] += body
		}
	}
	wantAll(t, open(t, file(t, "register.ndjson", blocks["json"])), company, father, worker, daughter, workers, daughters)
	dir := t.TempDir()
	for i, table := range strings.Split(strings.TrimSpace(blocks["csv"]), "\n\n") {
		put(t, dir, []string{"sponsors.csv", "residents.csv", "residencies.csv"}[i], table+"\n")
	}
	wantAll(t, open(t, dir), company, father, worker, daughter, workers, daughters)
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		files string
		says  string // empty where it opens
	}{
		"all CSV":     {"sponsors.csv residents.csv residencies.csv", ""},
		"all NDJSON":  {"sponsors.ndjson residents.ndjson residencies.ndjson", ""},
		"mixed":       {"sponsors.csv residents.ndjson residencies.csv notes.txt", ""},
		"one missing": {"sponsors.csv residencies.csv", "neither residents.ndjson nor residents.csv"},
		"one twice":   {"sponsors.csv residents.csv residencies.csv residents.ndjson", "both residents.ndjson and residents.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for name := range strings.FieldsSeq(c.files) {
				put(t, dir, name, "")
			}
			_, err := extract.Open(dir)
			wantSays(t, err, c.says)
		})
	}
	t.Run("nothing there", func(t *testing.T) {
		_, err := extract.Open(filepath.Join(t.TempDir(), "none"))
		wantSays(t, err, "no such file")
	})
	t.Run("one CSV file", func(t *testing.T) {
		_, err := extract.Open(file(t, "sponsors.csv", ""))
		wantSays(t, err, "name its directory")
	})
}

func TestDigestIsThatOfSha256sum(t *testing.T) {
	content := `{"record":"sponsor","sponsor_id":"204118336","kind":"company"}` + "\n"
	got, err := open(t, file(t, "r.ndjson", content)).Digest()
	if want := sha256.Sum256([]byte(content)); err != nil || got != want {
		t.Fatalf("%x, %v, want %x", got, err, want)
	}
	dir := t.TempDir()
	write(t, dir, extract.FormatCSV)
	var listing strings.Builder
	for _, name := range []string{"sponsors.csv", "residents.csv", "residencies.csv"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&listing, "%x  %s\n", sha256.Sum256(raw), name)
	}
	got, err = open(t, dir).Digest()
	if want := sha256.Sum256([]byte(listing.String())); err != nil || got != want {
		t.Fatalf("%x, %v, want %x", got, err, want)
	}
}

func TestChangeDuringTheImportIsSeen(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, extract.FormatCSV)
	e := open(t, dir)
	if _, err := e.Digest(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "residencies.csv"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "residencies.csv", strings.Replace(string(raw), "2026-02-19", "2027-02-19", 1))
	var last error
	for _, last = range e.Records() {
	}
	if !errors.Is(last, extract.ErrChanged) {
		t.Fatalf("%v", last)
	}
}

func TestObserveCountsEveryByteOfAPass(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, extract.FormatNDJSON)
	e := open(t, dir)
	var seen int64
	e.Observe(func(n int) { seen += int64(n) })
	for range e.Records() {
	}
	if seen != e.Size() || seen == 0 {
		t.Fatalf("%d bytes of %d", seen, e.Size())
	}
}

// wantAll compares an extract's records.
func wantAll(t *testing.T, e *extract.Extract, want ...any) {
	t.Helper()
	var got []any
	for r, err := range e.Records() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, content(r))
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("read %v\nwant %v", got, want)
	}
}

func content(r *extract.Record) any {
	switch r.Kind {
	case extract.KindSponsor:
		return r.Sponsor
	case extract.KindResident:
		return r.Resident
	case extract.KindResidency:
		return r.Residency
	}
	return nil
}

func wantSays(t *testing.T, err error, says string) {
	t.Helper()
	if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
		t.Fatalf("error %v, want one with %q", err, says)
	}
}

func open(t testing.TB, path string) *extract.Extract {
	t.Helper()
	e, err := extract.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func file(t testing.TB, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, name, content)
	return filepath.Join(dir, name)
}

func put(t testing.TB, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
