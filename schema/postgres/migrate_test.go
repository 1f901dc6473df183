package postgres_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

func TestMigrateFromEmptyThenNothing(t *testing.T) {
	t.Parallel()
	db := postgrestest.Empty(t)
	if got, want := migrate(t, db), migrationFiles(t); !slices.Equal(got, want) {
		t.Errorf("applied %q, want %q", got, want)
	}
	if again := migrate(t, db); len(again) > 0 {
		t.Errorf("applied again: %q", again)
	}
	if err := postgres.CheckVersion(t.Context(), db); err != nil {
		t.Error(err)
	}
}

// TestMigrateTwoAtOnce starts two deployments together: one applies everything, the
// other waits and finds nothing to do.
func TestMigrateTwoAtOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.Empty(t)
	var both sync.WaitGroup
	var applied [2][]string
	var errs [2]error
	for i := range applied {
		both.Go(func() { applied[i], errs[i] = postgres.Migrate(t.Context(), db) })
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Concat(applied[0], applied[1]), migrationFiles(t); !slices.Equal(got, want) {
		t.Errorf("applied %q and %q, want %q once", applied[0], applied[1], want)
	}
}

// TestMigrateFromEveryVersion begins at each older schema, with a valid row in every
// table that it has.
func TestMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	files := migrationFiles(t)
	for i, file := range files[:len(files)-1] {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.Empty(t)
			migrateTo(t, db, int64(i+1))
			tables := tables(t, db)
			for _, table := range tables {
				if count(t, db, table) == 0 { // a migration may have filled it
					exec(t, db, insertOlder(t, db, table, nil))
				}
			}
			if got := migrate(t, db); !slices.Equal(got, files[i+1:]) {
				t.Errorf("applied %q, want %q", got, files[i+1:])
			}
			for _, table := range tables {
				if n := count(t, db, table); n != 1 {
					t.Errorf("%s holds %d rows after the migration, want 1", table, n)
				}
			}
		})
	}
}

// A receipt that was spent twice before anybody looked stays as it was decided, and is spent.
func TestMigrationOfReceiptsSpentTwice(t *testing.T) {
	t.Parallel()
	db := postgrestest.Empty(t)
	migrateTo(t, db, 7)
	for _, differs := range []row{
		{`"offset"`: "5", "decided_at": "'2026-01-02'"},
		{`"offset"`: "6", "decided_at": "'2026-01-01'"},
		{`"offset"`: "7", "decided_at": "'2026-01-03'", "fee_receipt": "'R2'"},
		{`"offset"`: "8", "decided_at": "'2026-01-04'", "outcome": "'rejected'", "reasons": "'{fee_mismatch}'", "new_expiry": "NULL"},
	} {
		exec(t, db, insertOlder(t, db, "decision", differs))
	}
	migrate(t, db)
	if again := selectNames(t, db, `SELECT "offset"::text FROM decision WHERE receipt_spent_before`); !slices.Equal(again, []string{"5"}) {
		t.Errorf("spent before: %q, want the later of the two", again)
	}
	_, err := db.Exec(t.Context(), insertRow("decision", with(validRows["decision"], row{`"offset"`: "9"})))
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.ConstraintName != "decision_receipt" {
		t.Errorf("a third time: %v", err)
	}
}

// insertOlder inserts the valid row of a table, with some values changed, into an older
// schema's table, which may lack columns.
func insertOlder(t *testing.T, db *pgxpool.Pool, table string, differs row) string {
	t.Helper()
	has, values := columnsOf(t, db, table), with(validRows[table], differs)
	values["channel"] = "'counter'" // which the topic says today
	maps.DeleteFunc(values, func(column, _ string) bool { return !slices.Contains(has, column) })
	return insertRow(table, values)
}

func columnsOf(t *testing.T, db *pgxpool.Pool, table string) []string {
	t.Helper()
	return selectNames(t, db, `SELECT quote_ident(attname) FROM pg_attribute
		WHERE attnum > 0 AND NOT attisdropped AND attrelid = '`+table+`'::regclass`)
}

func TestOpenRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	last := int64(len(migrationFiles(t)))
	for _, test := range []struct {
		name    string
		version int64 // the last that was applied, 0 for none
		want    error
	}{
		{"none", 0, postgres.ErrSchemaOld},
		{"older", last - 1, postgres.ErrSchemaOld},
		{"this", last, nil},
		{"newer", last + 1, postgres.ErrSchemaNew},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := postgrestest.Empty(t)
			if test.version > 0 {
				migrateTo(t, db, min(test.version, last))
			}
			if test.version > last { // as a later program notes it
				exec(t, db, `INSERT INTO schema_migration (version_id, is_applied) VALUES (9999, true)`)
			}
			opened, err := postgres.Open(t.Context(), postgres.Config{URL: db.Config().ConnString()})
			if !errors.Is(err, test.want) {
				t.Errorf("Open: %v, want %v", err, test.want)
			}
			if err == nil {
				opened.Close()
			}
		})
	}
}

func migrate(t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	applied, err := postgres.Migrate(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// migrateTo stops at an older version, as an older program would.
func migrateTo(t *testing.T, db *pgxpool.Pool, version int64) {
	t.Helper()
	provider, err := goose.NewProvider(goose.DialectPostgres, stdlib.OpenDBFromPool(db), os.DirFS("."),
		goose.WithTableName("schema_migration"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = provider.Close() }()
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func migrationFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	return files
}

// A message's two rows become one, and the views show both as they were.
func TestMigrationOfMessagesKeepsWhatTheySaid(t *testing.T) {
	t.Parallel()
	db := postgrestest.Empty(t)
	migrateTo(t, db, 5)
	const one, other = `'00000000-0000-4000-8000-000000000001'`, `'00000000-0000-4000-8000-000000000002'`
	at := func(offset string, differs row) row {
		maps.Copy(differs, row{`"offset"`: offset})
		return differs
	}
	older := func(table string, differs row) {
		maps.Copy(differs, row{"submitted_at": "'2026-11-22 21:30:00.123456Z'"})
		exec(t, db, insertOlder(t, db, table, differs))
	}
	bare := row{
		"application_id": other, "fee_receipt": "NULL", "fee_paid_fils": "NULL", "fee_paid_at": "NULL",
		"insurance_policy": "NULL", "insurance_from": "NULL", "insurance_to": "NULL",
	}
	rejected := row{"outcome": "'rejected'", "new_expiry": "NULL"}
	older("application", at("5", row{"application_id": one}))
	older("application", at("8", bare))
	older("decision", at("5", row{"application_id": one}))
	older("decision", at("6", row{"application_id": one, "disposition": "'resend'"}))
	older("decision", at("7", with(rejected, row{"application_id": one, "disposition": "'conflict'", "reasons": "'{application_conflict}'"})))
	older("decision", at("8", with(rejected, row{"application_id": other, "fee_paid_fils": "0", "reasons": "'{fee_missing}'"})))

	decisions := `SELECT to_jsonb(d)::text FROM (SELECT ` + strings.Join(columnsOf(t, db, "decision"), ", ") + ` FROM decision) AS d ORDER BY "offset"`
	const applications = `SELECT to_jsonb(a)::text FROM application a ORDER BY "offset"`
	before := slices.Concat(selectNames(t, db, decisions), selectNames(t, db, applications))
	migrateTo(t, db, 6)
	after := slices.Concat(selectNames(t, db, decisions), selectNames(t, db, applications))
	if len(before) != 6 || !slices.Equal(before, after) {
		t.Errorf("before:\n%s\nafter:\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}
