// Package clickhouse holds the schema of the database in ClickHouse: its migrations,
// how it is opened and how it is brought up to date. The queries lie beside the
// packages that ask them.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Config is how a process connects to ClickHouse.
type Config struct {
	// URL is a clickhouse:// connection string of the native protocol. Its path names
	// the database.
	URL string
	// ApplicationName is what the server's query log shows of the process.
	ApplicationName string
	// MaxConns is the most connections that the process opens. 0 means 8.
	MaxConns int
}

// Errors of [Open].
var (
	// ErrNoDatabase ends a sentence that begins with the database's name.
	ErrNoDatabase = errors.New("does not exist: run `tajdeed migrate`")
	ErrSchemaOld  = errors.New("the database's schema is older than this program's: run `tajdeed migrate`")
	ErrSchemaNew  = errors.New("the database's schema is newer than this program: run the program that migrated it")
)

const (
	defaultMaxConns = 8
	// dialTimeout bounds a connection and also each wait for a free one, for which
	// the driver has no setting of its own.
	dialTimeout = 5 * time.Second
	readTimeout = 30 * time.Second
)

// Validate says what is wrong with the configuration. It contacts nothing.
func (c Config) Validate() error {
	_, _, err := c.options()
	return err
}

// Open connects to ClickHouse and refuses a database that does not exist
// ([ErrNoDatabase]) or whose schema this program does not know ([ErrSchemaOld],
// [ErrSchemaNew]).
func Open(ctx context.Context, c Config) (driver.Conn, error) {
	conn, err := Connect(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := CheckVersion(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// Connect connects without looking at the schema. The database must exist
// ([ErrNoDatabase]).
func Connect(ctx context.Context, c Config) (driver.Conn, error) {
	options, database, err := c.options()
	if err != nil {
		return nil, err
	}
	conn, err := database.openPool(options)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	if err := conn.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("clickhouse: connect: %w", err), conn.Close())
	}
	return conn, nil
}

// options sets what every connection of ours has, and tells the database that it is to
// be in. The blocks that the analytics stage sends are whole batches, which gathering on
// the server's side only delays: async_insert is 1 by default since ClickHouse 26.
func (c Config) options() (*driver.Options, database, error) {
	if c.URL == "" {
		return nil, "", errors.New("clickhouse: no connection URL")
	}
	options, err := driver.ParseDSN(c.URL)
	if err != nil {
		return nil, "", fmt.Errorf("clickhouse: connection URL: %w", err)
	}
	if options.Protocol != driver.Native {
		return nil, "", errors.New("clickhouse: connection URL: only the native protocol is spoken: give clickhouse://")
	}
	if options.Auth.Database == "" {
		return nil, "", errors.New("clickhouse: connection URL: it names no database: end it in /tajdeed, or whatever the database is called")
	}
	if options.Settings == nil {
		options.Settings = driver.Settings{}
	}
	options.Settings["async_insert"] = 0
	options.DialTimeout = dialTimeout
	options.ReadTimeout = readTimeout
	options.MaxOpenConns = c.MaxConns
	if options.MaxOpenConns == 0 {
		options.MaxOpenConns = defaultMaxConns
	}
	options.MaxIdleConns = options.MaxOpenConns
	if c.ApplicationName != "" {
		options.ClientInfo.Products = append(options.ClientInfo.Products,
			struct{ Name, Version string }{c.ApplicationName, ""})
	}
	name := options.Auth.Database
	options.Auth.Database = ""
	return options, database(name), nil
}

// CheckVersion compares the database's schema with this program's.
func CheckVersion(ctx context.Context, conn driver.Conn) error {
	have, err := version(ctx, conn)
	if err != nil {
		return fmt.Errorf("clickhouse: schema version: %w", err)
	}
	want, err := latest()
	switch {
	case err != nil:
		return err
	case have < want:
		return fmt.Errorf("clickhouse: version %d of %d: %w", have, want, ErrSchemaOld)
	case have > want:
		return fmt.Errorf("clickhouse: version %d, known up to %d: %w", have, want, ErrSchemaNew)
	}
	return nil
}

// Error codes of ClickHouse (src/Common/ErrorCodes.cpp).
const (
	unknownTable    = 60
	unknownDatabase = 81
)

// IsMissing says that an error is about a database or a table that does not exist: it
// was dropped, or no migration has made it yet. Nothing is wrong with what was asked or
// sent, and it works once `tajdeed migrate` has run.
func IsMissing(err error) bool {
	return errors.Is(err, ErrNoDatabase) || hasCode(err, unknownTable) || hasCode(err, unknownDatabase)
}

func hasCode(err error, code int32) bool {
	exception, ok := errors.AsType[*driver.Exception](err)
	return ok && exception.Code == code
}

// version returns the number of the last migration, 0 where none was ever run.
func version(ctx context.Context, conn driver.Conn) (v int64, err error) {
	err = conn.QueryRow(ctx, `SELECT max(version_id) FROM `+versionTable+` WHERE is_applied = 1`).Scan(&v)
	if hasCode(err, unknownTable) {
		return 0, nil
	}
	return v, err
}
