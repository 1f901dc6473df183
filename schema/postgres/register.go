package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/extract"
)

// Errors of [ImportRegister].
var (
	ErrRegisterNotEmpty = errors.New("the register already holds another import: an extract goes into an empty database only")
	ErrBadLines         = errors.New("the extract has bad lines and was refused whole")
)

var (
	//go:embed register/begin.sql
	beginImport string
	//go:embed register/state.sql
	selectRegisterEmpty string
	//go:embed register/find.sql
	selectImport string
	//go:embed register/store.sql
	insertImport string
	//go:embed register/suspend_references.sql
	suspendReferences string
	//go:embed register/check_references.sql
	checkReferences string
	//go:embed register/stage.sql
	stageExtract string
	//go:embed register/fill.sql
	fillResidents string
	//go:embed register/leave_room.sql
	leaveRoom string
	//go:embed register/use_room.sql
	useRoom string
)

// ImportOptions says what becomes of bad lines. The zero value is the strict import: the
// first bad line is the error and ends it.
type ImportOptions struct {
	// BadLine is called with every bad line, before anything is written. The record is
	// valid during the call only. An error ends the import. Nil returns the line's error,
	// or nil with SkipBad.
	BadLine func(*extract.Record, *extract.LineError) error
	// SkipBad imports the good lines where there are bad ones. Without it nothing is
	// imported then.
	SkipBad bool
}

// ImportPasses is how often an import reads its extract, for who shows its progress: for
// the digest, to find every bad line before a row is written, and to copy.
const ImportPasses = 3

// ImportResult is what an import left in the register.
type ImportResult struct {
	Digest                           [32]byte // of the extract
	Sponsors, Residents, Residencies int64
	Skipped                          int64 // bad lines
	ImportedAt                       time.Time
	// Repeated says that this extract had been imported before, so that nothing
	// was done now; the numbers are those of then.
	Repeated bool
}

// ImportFolder imports the extract in a folder strictly: the first bad line is the error,
// an [*extract.LineError]. It calls read, if it is not nil, with the number of bytes
// whenever some were read, in all at most [ImportPasses] times the extract's size. See
// [ImportRegister] for the other errors.
func ImportFolder(ctx context.Context, pool *pgxpool.Pool, dir string, read func(n int)) error {
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	e.Observe(read)
	_, err = ImportRegister(ctx, pool, e, ImportOptions{})
	return err
}

// ImportRegister writes an extract into an empty register, all in one transaction, and
// stores its digest; an extract whose digest is stored is left alone. It needs the role
// that owns the tables, and nobody can read the residents until it ends. The errors are
// [ErrRegisterNotEmpty], [ErrBadLines], those of the extract, and those of the database.
func ImportRegister(ctx context.Context, pool *pgxpool.Pool, e *extract.Extract, opts ImportOptions) (ImportResult, error) {
	digest, err := e.Digest()
	if err != nil {
		return ImportResult{}, fmt.Errorf("import register: %w", err)
	}
	result := ImportResult{Digest: digest}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return result.run(ctx, tx, e, opts) })
	if err != nil {
		return ImportResult{}, fmt.Errorf("import register: %w", err)
	}
	return result, nil
}

// run does the import in its transaction.
func (r *ImportResult) run(ctx context.Context, tx pgx.Tx, e *extract.Extract, opts ImportOptions) error {
	if _, err := tx.Exec(ctx, beginImport); err != nil {
		return err
	}
	if found, err := r.find(ctx, tx); err != nil || found {
		return err
	}
	var empty bool
	if err := tx.QueryRow(ctx, selectRegisterEmpty).Scan(&empty); err != nil {
		return err
	}
	if !empty {
		return ErrRegisterNotEmpty
	}
	census, err := checkExtract(ctx, e, opts)
	if err != nil {
		return err
	}
	if err := fillRegister(ctx, tx, e, census); err != nil {
		return err
	}
	return r.store(ctx, tx, census)
}

// find says whether the extract was imported before, and reads what was stored then.
func (r *ImportResult) find(ctx context.Context, tx pgx.Tx) (bool, error) {
	err := tx.QueryRow(ctx, selectImport, r.Digest[:]).
		Scan(&r.Sponsors, &r.Residents, &r.Residencies, &r.Skipped, &r.ImportedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	r.Repeated = err == nil
	return r.Repeated, err
}

// checkExtract finds every bad line.
func checkExtract(ctx context.Context, e *extract.Extract, opts ImportOptions) (*extract.Census, error) {
	bad := opts.BadLine
	if bad == nil {
		bad = func(_ *extract.Record, wrong *extract.LineError) error {
			if opts.SkipBad {
				return nil
			}
			return wrong
		}
	}
	census, err := e.Check(ctx, bad)
	if err == nil && census.Bad > 0 && !opts.SkipBad {
		err = fmt.Errorf("%w: %d of %d", ErrBadLines, census.Bad, census.Bad+census.Records())
	}
	return census, err
}

// store writes what was imported beside the digest.
func (r *ImportResult) store(ctx context.Context, tx pgx.Tx, census *extract.Census) error {
	r.Sponsors, r.Residents, r.Residencies, r.Skipped = census.Sponsors, census.Residents, census.Residencies, census.Bad
	return tx.QueryRow(ctx, insertImport, r.Digest[:], r.Sponsors, r.Residents, r.Residencies, r.Skipped).Scan(&r.ImportedAt)
}

// fillRegister copies the good records and has Postgres check their references once for
// all of them, although the check of the extract found them good.
func fillRegister(ctx context.Context, tx pgx.Tx, e *extract.Extract, census *extract.Census) error {
	if err := execute(ctx, tx, suspendReferences, leaveRoom, stageExtract); err != nil {
		return err
	}
	if err := copyRegister(ctx, tx, e, census); err != nil {
		return err
	}
	return execute(ctx, tx, fillResidents, useRoom, checkReferences)
}

func execute(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// copyRegister streams the good records into their tables, as the extract holds
// them: those that are referred to first.
func copyRegister(ctx context.Context, tx pgx.Tx, e *extract.Extract, census *extract.Census) error {
	next, stop := iter.Pull2(e.Good(census))
	defer stop()
	s := &recordStream{next: next}
	s.advance()
	for _, table := range registerTables {
		s.table = table
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{table.name}, table.columns, s); err != nil {
			return fmt.Errorf("copy %s: %w", table.name, err)
		}
	}
	if s.err == nil && s.record != nil {
		return fmt.Errorf("copy: a %s is left", s.record.Kind)
	}
	return s.err
}

// registerTable is a table that records go into, and how a record becomes its row.
type registerTable struct {
	name    string
	kind    extract.Kind
	columns []string
	row     func(*extract.Record, []any) []any
}

// registerTables are in the order of the extract.
var registerTables = []registerTable{
	{"sponsor", extract.KindSponsor, []string{"sponsor_id", "kind", "article"}, sponsorRow},
	{"extract_resident", extract.KindResident, []string{"civil_id", "passport_number", "passport_country", "passport_expires_on"}, residentRow},
	{"extract_residency", extract.KindResidency, []string{"civil_id", "article", "sponsor_id", "relation", "expires_on"}, residencyRow},
}

func sponsorRow(r *extract.Record, row []any) []any {
	var article any
	if r.Sponsor.Article != 0 {
		article = int16(r.Sponsor.Article)
	}
	return append(row, int64(r.Sponsor.ID), r.Sponsor.Kind.String(), article)
}

func residentRow(r *extract.Record, row []any) []any {
	p := &r.Resident.Passport
	return append(row, int64(r.Resident.CivilID), p.Number, p.Country, p.ExpiresOn.Time())
}

func residencyRow(r *extract.Record, row []any) []any {
	y := &r.Residency
	return append(row, int64(y.CivilID), int16(y.Article), int64(y.SponsorID), y.Relation.String(), y.ExpiresOn.Time())
}

// recordStream gives records to one COPY after another: to each as long as they are of
// its table. pgx reads it in a goroutine of its own, one COPY at a time.
type recordStream struct {
	next   func() (*extract.Record, error, bool)
	table  registerTable
	record *extract.Record // the latest; nil at the end
	fresh  bool            // no COPY has had it yet
	err    error
	row    []any
}

// advance moves to the next record.
func (s *recordStream) advance() {
	var ok bool
	s.record, s.err, ok = s.next()
	s.fresh = ok && s.err == nil
	if !s.fresh {
		s.record = nil
	}
}

// Next says whether there is another row of the table.
func (s *recordStream) Next() bool {
	if s.record != nil && !s.fresh {
		s.advance()
	}
	if s.record == nil || s.record.Kind != s.table.kind {
		return false
	}
	s.fresh = false
	return true
}

// Values returns the row. pgx encodes it before it asks for the next.
func (s *recordStream) Values() ([]any, error) {
	s.row = s.table.row(s.record, s.row[:0])
	return s.row, nil
}

// Err returns why the records ended early.
func (s *recordStream) Err() error { return s.err }
