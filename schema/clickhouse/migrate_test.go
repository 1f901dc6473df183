package clickhouse_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"

	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
)

func TestMigrateFromEmptyThenNothing(t *testing.T) {
	t.Parallel()
	config := clickhouse.Config{URL: clickhousetest.Empty(t)}
	if got, want := migrate(t, config), migrationFiles(t); !slices.Equal(got, want) {
		t.Errorf("applied %q, want %q", got, want)
	}
	if again := migrate(t, config); len(again) > 0 {
		t.Errorf("applied again: %q", again)
	}
}

// TestMigrateFromEveryVersion begins at each older schema, with decisions in it.
func TestMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	files := migrationFiles(t)
	for i, file := range files[:len(files)-1] {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			config := clickhouse.Config{URL: clickhousetest.Empty(t)}
			migrateTo(t, config.URL, int64(i+1))
			db := connect(t, config)
			execFile(t, db, "testdata/decisions.sql")
			if got := migrate(t, config); !slices.Equal(got, files[i+1:]) {
				t.Errorf("applied %q, want %q", got, files[i+1:])
			}
			if got := selectRows(t, db, `SELECT toString(sum(messages)) FROM throughput_by_hour`); !slices.Equal(got, []string{"8"}) {
				t.Errorf("decisions after the migration: %q, want 8", got)
			}
		})
	}
}

// TestMigrateAfterACut runs the views' migration after a first attempt was interrupted.
func TestMigrateAfterACut(t *testing.T) {
	t.Parallel()
	config := clickhouse.Config{URL: clickhousetest.Empty(t)}
	migrateTo(t, config.URL, 1)
	exec(t, connect(t, config), `CREATE VIEW throughput_by_hour AS SELECT 1 AS unfinished`)
	migrate(t, config)
}

func TestOpenRefusesAnotherSchema(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		version int64 // the last that was applied, 0 for none
		want    error
	}{
		{"none", 0, clickhouse.ErrSchemaOld},
		{"older", 1, clickhouse.ErrSchemaOld},
		{"this", int64(len(migrationFiles(t))), nil},
		{"newer", 9999, clickhouse.ErrSchemaNew},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := clickhouse.Config{URL: clickhousetest.Empty(t)}
			setVersion(t, config, test.version)
			db, err := clickhouse.Open(t.Context(), config)
			if !errors.Is(err, test.want) {
				t.Errorf("Open: %v, want %v", err, test.want)
			}
			if err == nil {
				_ = db.Close()
			}
		})
	}
}

// setVersion migrates up to a version. One that does not exist yet is only noted, as a
// later program would.
func setVersion(t *testing.T, config clickhouse.Config, version int64) {
	t.Helper()
	if version == 0 {
		return
	}
	last := int64(len(migrationFiles(t)))
	migrateTo(t, config.URL, min(version, last))
	if version > last {
		exec(t, connect(t, config), `INSERT INTO schema_migration (version_id, is_applied) VALUES (9999, 1)`)
	}
}

func migrate(t *testing.T, config clickhouse.Config) []string {
	t.Helper()
	applied, err := clickhouse.Migrate(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// migrateTo stops at an older version, as an older program would.
func migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	db, err := sql.Open("clickhouse", url)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectClickHouse, db, os.DirFS("."),
		goose.WithTableName("schema_migration"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = provider.Close() }()
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, config clickhouse.Config) driver.Conn {
	t.Helper()
	db, err := clickhouse.Connect(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func migrationFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	return files
}

// An empty database can become that of a simulation, and stays it; one with decisions cannot.
func TestSimulate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		decisions bool
		want      error
	}{
		{"empty", false, nil},
		{"with decisions", true, clickhouse.ErrNotEmpty},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := clickhousetest.New(t)
			if test.decisions {
				execFile(t, db, "testdata/decisions.sql")
			}
			for range 2 { // told again it is left alone, also with decisions
				if err := clickhouse.Simulate(t.Context(), db); !errors.Is(err, test.want) {
					t.Fatalf("Simulate: %v, want %v", err, test.want)
				}
				is, err := clickhouse.IsSimulation(t.Context(), db)
				if err != nil || is != (test.want == nil) {
					t.Errorf("it is a simulation: %t, %v", is, err)
				}
				if !test.decisions {
					execFile(t, db, "testdata/decisions.sql")
				}
			}
		})
	}
}
