// Package postgres has the record's schema: its migrations, how it is opened, how it is
// brought up to date and how the register is imported. It has no queries of any stage;
// those are beside the stages that run them.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config is how a process connects to the record.
type Config struct {
	// URL is a connection string as libpq reads it.
	URL string
	// ApplicationName is what pg_stat_activity shows of the process.
	ApplicationName string
	// MaxConns is the most connections that the process opens. 0 means 8.
	MaxConns int
	// StatementTimeout ends a statement on the server's side, so that a stopped
	// client leaves nothing running. 0 means 30 s.
	StatementTimeout time.Duration
	// ByKey makes the planner find rows by their keys, whatever the tables' statistics
	// say. It is for a stage, whose statements name the keys of the rows they read.
	ByKey bool
}

// Errors of [Open].
var (
	ErrSchemaOld = errors.New("the database's schema is older than this program's: run `tajdeed migrate`")
	ErrSchemaNew = errors.New("the database's schema is newer than this program: run the program that migrated it")
)

const (
	defaultMaxConns         = 8
	defaultStatementTimeout = 30 * time.Second
	pingTimeout             = 2 * time.Second
)

// Validate says what is wrong with the configuration. It contacts nothing.
func (c Config) Validate() error {
	if c.URL == "" {
		return errors.New("postgres: no connection URL")
	}
	if _, err := pgxpool.ParseConfig(c.URL); err != nil {
		return fmt.Errorf("postgres: connection URL: %w", err)
	}
	return nil
}

// Open connects to the record and refuses a schema that this program does not
// know ([ErrSchemaOld], [ErrSchemaNew]).
func Open(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	pool, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := CheckVersion(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Connect connects without looking at the schema.
func Connect(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	config, err := c.pool()
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("postgres: connect: %w", err)
	}
	return pool, nil
}

// pool returns the settings of every connection of ours. The server ends a transaction
// whose client sends nothing: its locks would stop other workers.
func (c Config) pool() (*pgxpool.Config, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("postgres: connection URL: %w", err)
	}
	timeout := c.StatementTimeout
	if timeout == 0 {
		timeout = defaultStatementTimeout
	}
	config.MaxConns = int32(min(max(c.MaxConns, 0), 1000))
	if config.MaxConns == 0 {
		config.MaxConns = defaultMaxConns
	}
	config.PingTimeout = pingTimeout
	config.MaxConnLifetimeJitter = time.Minute
	params := config.ConnConfig.RuntimeParams
	params["application_name"] = c.ApplicationName
	params["timezone"] = "UTC"
	params["statement_timeout"] = milliseconds(timeout)
	params["idle_in_transaction_session_timeout"] = milliseconds(timeout)
	if c.ByKey {
		maps.Copy(params, byKey)
	}
	return config, nil
}

// byKey are the settings with which the planner uses the indexes. Without them it reads
// whole tables for a thousand keys, at the first five executions on each connection
// (which it plans for those very keys) or for good (where it planned while the tables
// were small): 100 ms instead of 5 for a batch of 1,000 of 300,000 residents.
var byKey = map[string]string{
	"plan_cache_mode":  "force_generic_plan",
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// CheckVersion compares the database's schema with this program's.
func CheckVersion(ctx context.Context, pool *pgxpool.Pool) error {
	have, err := version(ctx, pool)
	if err != nil {
		return fmt.Errorf("postgres: schema version: %w", err)
	}
	want, err := latest()
	switch {
	case err != nil:
		return err
	case have < want:
		return fmt.Errorf("postgres: version %d of %d: %w", have, want, ErrSchemaOld)
	case have > want:
		return fmt.Errorf("postgres: version %d, known up to %d: %w", have, want, ErrSchemaNew)
	}
	return nil
}

// undefinedTable is the SQLSTATE of a table that does not exist.
const undefinedTable = "42P01"

// version returns the number of the last migration, 0 where none was ever run.
func version(ctx context.Context, pool *pgxpool.Pool) (v int64, err error) {
	const query = `SELECT coalesce(max(version_id) FILTER (WHERE is_applied), 0) FROM ` + versionTable
	err = pool.QueryRow(ctx, query).Scan(&v)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == undefinedTable || errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return v, err
}
