package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are applied in the order of their numbers, each in a transaction.
//
//go:embed *.sql
var migrations embed.FS

// versionTable is where goose notes what it applied.
const versionTable = "schema_migration"

// Migrate brings the database up to this program's schema and returns the names
// of the migrations that it applied. Two at once wait for one another.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (applied []string, err error) {
	provider, err := newProvider(pool)
	if err != nil {
		return nil, fmt.Errorf("postgres: migrations: %w", err)
	}
	defer func() { err = errors.Join(err, provider.Close()) }()
	results, err := provider.Up(ctx)
	for _, result := range results {
		applied = append(applied, result.Source.Path)
	}
	if err != nil {
		return applied, fmt.Errorf("postgres: migrate: %w", err)
	}
	return applied, nil
}

func newProvider(pool *pgxpool.Pool) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, stdlib.OpenDBFromPool(pool), migrations,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
}

// latest returns the number of this program's last migration.
func latest() (int64, error) {
	files, err := migrations.ReadDir(".")
	if err != nil {
		return 0, fmt.Errorf("postgres: migrations: %w", err)
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}

// Migrations returns the text of this program's migrations in their order.
func Migrations() []string {
	files, _ := migrations.ReadDir(".")
	texts := make([]string, 0, len(files))
	for _, file := range files {
		text, _ := migrations.ReadFile(file.Name())
		texts = append(texts, string(text))
	}
	return texts
}
