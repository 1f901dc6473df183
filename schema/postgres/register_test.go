package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema"
	"tajdeed/schema/extract"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// smallRegister has each kind of record, as the files of a directory.
var smallRegister = map[string]string{
	"sponsors.csv": "sponsor_id,kind,article\n204118336,company,\n318200457,resident,18\n",
	"residents.csv": "civil_id,passport_number,passport_country,passport_expires_on\n" +
		"291030104196,N4417702,IND,2030-07-14\n304022600325,A01234567,EGY,2029-02-28\n279040907388,P0000001,PHL,2027-01-01\n",
	"residencies.csv": "civil_id,article,sponsor_id,relation,expires_on\n" +
		"291030104196,18,204118336,employee,2026-02-19\n304022600325,22,318200457,spouse_or_child,2026-03-31\n",
}

func TestImportRegister(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	result, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, smallRegister), postgres.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if result.Sponsors != 2 || result.Residents != 3 || result.Residencies != 2 || result.Skipped != 0 || result.Repeated || result.ImportedAt.IsZero() {
		t.Fatalf("%+v", result)
	}
	wantRows(t, pool, `SELECT format('%s %s %s', sponsor_id, kind, article) FROM sponsor ORDER BY sponsor_id`,
		"204118336 company ", "318200457 resident 18")
	wantRows(t, pool, `SELECT format('%s %s %s %s', civil_id, passport_number, passport_country, passport_expires_on) FROM resident ORDER BY civil_id`,
		"279040907388 P0000001 PHL 2027-01-01", "291030104196 N4417702 IND 2030-07-14", "304022600325 A01234567 EGY 2029-02-28")
	wantRows(t, pool, `SELECT format('%s %s %s %s %s', civil_id, article, sponsor_id, relation, expires_on) FROM residency ORDER BY civil_id`,
		"291030104196 18 204118336 employee 2026-02-19", "304022600325 22 318200457 spouse_or_child 2026-03-31")
	wantRows(t, pool, `SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND NOT (conenforced AND convalidated)`)
	wantRows(t, pool, `SELECT format('%s %s %s %s %s', encode(digest, 'hex'), sponsors, residents, residencies, skipped) FROM register_import`,
		fmt.Sprintf("%x 2 3 2 0", result.Digest))
}

func TestImportAgain(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	first, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, smallRegister), postgres.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, pool, `UPDATE residency SET expires_on = '2027-02-19' WHERE civil_id = 291030104196`)

	t.Run("the same extract changes nothing", func(t *testing.T) {
		again, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, smallRegister), postgres.ImportOptions{})
		first.Repeated = true
		if err != nil || again != first {
			t.Fatalf("%+v, %v, want %+v", again, err, first)
		}
		wantRows(t, pool, `SELECT expires_on::text FROM residency WHERE civil_id = 291030104196`, "2027-02-19")
	})
	t.Run("another extract is refused", func(t *testing.T) {
		other := changed("sponsors.csv", "company", "mission")
		_, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, other), postgres.ImportOptions{})
		if !errors.Is(err, postgres.ErrRegisterNotEmpty) {
			t.Fatal(err)
		}
	})
}

func TestImportIntoARegisterFilledOtherwise(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	execute(t, pool, `INSERT INTO sponsor VALUES (204118336, 'company')`)
	_, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, smallRegister), postgres.ImportOptions{})
	if !errors.Is(err, postgres.ErrRegisterNotEmpty) {
		t.Fatal(err)
	}
}

func TestBadLines(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	bad := changed("sponsors.csv", "318200457,resident", "318200457,cousin") // and with it a residency
	var named []string
	opts := postgres.ImportOptions{BadLine: func(r *extract.Record, wrong *extract.LineError) error {
		named = append(named, fmt.Sprintf("%s:%d %s %s", wrong.File, wrong.Line, wrong.Rule, r.Raw))
		return nil
	}}
	want := "sponsors.csv:3 not_in_set 318200457,cousin,18\n" +
		"residencies.csv:3 unknown_sponsor 304022600325,22,318200457,spouse_or_child,2026-03-31"

	_, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, bad), opts)
	if got := strings.Join(named, "\n"); !errors.Is(err, postgres.ErrBadLines) || got != want {
		t.Fatalf("%v\n%s", err, got)
	}
	wantRows(t, pool, `SELECT count(*)::text FROM resident`, "0")
	wantRows(t, pool, `SELECT count(*)::text FROM register_import`, "0")

	opts.SkipBad, named = true, nil
	result, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, bad), opts)
	if got := strings.Join(named, "\n"); err != nil || got != want {
		t.Fatalf("%v\n%s", err, got)
	}
	if result.Sponsors != 1 || result.Residents != 3 || result.Residencies != 1 || result.Skipped != 2 {
		t.Fatalf("%+v", result)
	}
	wantRows(t, pool, `SELECT civil_id::text FROM residency`, "291030104196")
}

// Without options the first bad line ends the import and is its error.
func TestStrictImport(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	dir := writeExtract(t, changed("sponsors.csv", "318200457,resident", "318200457,cousin"))
	err := postgres.ImportFolder(t.Context(), pool, dir, nil)
	wrong, ok := errors.AsType[*extract.LineError](err)
	if !ok || wrong.File != "sponsors.csv" || wrong.Line != 3 || wrong.Rule != extract.RuleNotInSet {
		t.Fatalf("%v", err)
	}
	wantRows(t, pool, `SELECT count(*)::text FROM resident`, "0")

	result, err := postgres.ImportRegister(t.Context(), pool, openExtract(t, changed("sponsors.csv", "318200457,resident", "318200457,cousin")),
		postgres.ImportOptions{SkipBad: true})
	if err != nil || result.Skipped != 2 || result.Residents != 3 {
		t.Fatalf("bad lines skipped: %+v, %v", result, err)
	}
}

func TestImportFolder(t *testing.T) {
	t.Parallel()
	pool, dir := postgrestest.New(t), writeExtract(t, smallRegister)
	var size, seen int
	for _, content := range smallRegister {
		size += len(content)
	}
	if err := postgres.ImportFolder(t.Context(), pool, dir, func(n int) { seen += n }); err != nil {
		t.Fatal(err)
	}
	if want := postgres.ImportPasses * size; seen != want {
		t.Errorf("%d bytes were read, want %d", seen, want)
	}
	wantRows(t, pool, `SELECT count(*)::text FROM resident`, "3")
	if err := postgres.ImportFolder(t.Context(), pool, filepath.Join(dir, "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestNothingIsLeftOfAnImportThatEnds changes the extract between its check and its
// copy: the transaction must be rolled back.
func TestNothingIsLeftOfAnImportThatEnds(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	dir := writeExtract(t, changed("sponsors.csv", "318200457,resident", "318200457,cousin"))
	e, err := extract.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.ImportRegister(t.Context(), pool, e, postgres.ImportOptions{
		SkipBad: true,
		BadLine: func(*extract.Record, *extract.LineError) error {
			return os.WriteFile(filepath.Join(dir, "residents.csv"), []byte(smallRegister["residents.csv"]+"\n"), 0o600)
		},
	})
	if err == nil {
		t.Fatal("imported")
	}
	wantRows(t, pool, `SELECT count(*)::text FROM sponsor`, "0")
	wantRows(t, pool, `SELECT count(*)::text FROM register_import`, "0")
}

func TestImportEndsWithItsContext(t *testing.T) {
	t.Parallel()
	pool := postgrestest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := postgres.ImportRegister(ctx, pool, openExtract(t, changed("sponsors.csv", "resident", "cousin")), postgres.ImportOptions{
		SkipBad: true,
		BadLine: func(*extract.Record, *extract.LineError) error { cancel(); return nil },
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	wantRows(t, pool, `SELECT count(*)::text FROM sponsor`, "0")
}

// BenchmarkImportRegister imports 100,000 residents with their residencies and
// 30,000 sponsors into an empty database: the rate is that of the whole command.
func BenchmarkImportRegister(b *testing.B) {
	for _, format := range []extract.Format{extract.FormatNDJSON, extract.FormatCSV} {
		b.Run(format.String(), func(b *testing.B) {
			dir, pool := filepath.Join(b.TempDir(), "register"), postgrestest.New(b)
			fillExtract(b, dir, format, 30_000, 100_000)
			rows := int64(0)
			for b.Loop() {
				e, err := extract.Open(dir)
				if err != nil {
					b.Fatal(err)
				}
				result, err := postgres.ImportRegister(b.Context(), pool, e, postgres.ImportOptions{})
				if err != nil {
					b.Fatal(err)
				}
				rows += result.Sponsors + result.Residents + result.Residencies
				b.StopTimer()
				execute(b, pool, `TRUNCATE sponsor, resident, register_import`)
				b.StartTimer()
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// fillExtract writes a register whose people come in the order of their birth, as
// a real one does not: the keys are shuffled by a step that meets all of them.
func fillExtract(b *testing.B, dir string, format extract.Format, sponsors, residents int) {
	b.Helper()
	w, err := extract.Create(dir, format)
	if err != nil {
		b.Fatal(err)
	}
	for i := range sponsors {
		_ = w.Sponsor(schema.Sponsor{ID: schema.SponsorID(100_000_000 + i*7919), Kind: schema.SponsorCompany})
	}
	expires, step := schema.NewDate(2026, 6, 1), 7919
	for i := 0; residents > 0; i++ {
		birth, serial := schema.NewDate(1960, 1, 1).AddDays(i*step%15_000), i/15_000
		id, ok := schema.NewCivilID(birth, serial)
		if !ok {
			continue
		}
		residents--
		_ = w.Resident(schema.Resident{CivilID: id, Passport: schema.Passport{Number: "N4417702", Country: "IND", ExpiresOn: expires}})
		_ = w.Residency(schema.Residency{CivilID: id, Article: 18, SponsorID: schema.SponsorID(100_000_000 + i%sponsors*7919),
			Relation: schema.RelationEmployee, ExpiresOn: expires.AddDays(i % 365)})
	}
	if err := w.Close(); err != nil { // the first error of all of them
		b.Fatal(err)
	}
}

// changed returns the small register with a word of a file replaced.
func changed(file, old, with string) map[string]string {
	other := map[string]string{}
	for name, content := range smallRegister {
		if name == file {
			content = strings.Replace(content, old, with, 1)
		}
		other[name] = content
	}
	return other
}

func openExtract(t testing.TB, files map[string]string) *extract.Extract {
	t.Helper()
	e, err := extract.Open(writeExtract(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func writeExtract(t testing.TB, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func execute(t testing.TB, pool *pgxpool.Pool, statement string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// wantRows compares a query's rows of one text each.
func wantRows(t testing.TB, pool *pgxpool.Pool, query string, want ...string) {
	t.Helper()
	rows, err := pool.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		got = append(got, row)
	}
	if err := rows.Err(); err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("%v: rows\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
