package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// migrations are applied in the order of their numbers. ClickHouse has no
// transactions for them: a statement that can be cut off in the middle must be
// one that can be run again.
//
//go:embed *.sql
var migrations embed.FS

// versionTable is where goose records what it applied.
const versionTable = "schema_migration"

// Migrate creates the database if it does not exist, brings it up to this program's
// schema and returns the names of the migrations that it applied. Run it from one place
// at a time.
func Migrate(ctx context.Context, c Config) (applied []string, err error) {
	options, database, err := c.options()
	if err != nil {
		return nil, err
	}
	if err := database.create(ctx, options); err != nil {
		return nil, fmt.Errorf("clickhouse: create the database: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectClickHouse, database.openDB(options), migrations,
		goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("clickhouse: migrations: %w", err)
	}
	defer func() { err = errors.Join(err, provider.Close()) }()
	results, err := provider.Up(ctx)
	for _, result := range results {
		applied = append(applied, result.Source.Path)
	}
	if err != nil {
		return applied, fmt.Errorf("clickhouse: migrate: %w", err)
	}
	return applied, nil
}

// latest returns the number of this program's last migration.
func latest() (int64, error) {
	files, err := migrations.ReadDir(".")
	if err != nil {
		return 0, fmt.Errorf("clickhouse: migrations: %w", err)
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}
