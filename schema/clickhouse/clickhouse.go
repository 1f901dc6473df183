// Package clickhouse holds the schema of the analysts' database: its migrations,
// how it is opened and how it is brought up to date. What is asked of it lies
// beside the stages that ask.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Config is how a process connects to the analysts' database.
type Config struct {
	// URL is a clickhouse:// connection string of the native protocol.
	URL string
	// ApplicationName is what the server's query log shows of the process.
	ApplicationName string
	// MaxConns is the most connections that the process opens. 0 means 8.
	MaxConns int
}

// Errors of [Open].
var (
	ErrSchemaOld = errors.New("the database's schema is older than this program's: run `tajdeed migrate`")
	ErrSchemaNew = errors.New("the database's schema is newer than this program: run the program that migrated it")
)

const (
	defaultMaxConns = 8
	// dialTimeout bounds a connection and also the wait for a free one, for which
	// the driver has no setting of its own.
	dialTimeout = 5 * time.Second
	readTimeout = 30 * time.Second
)

// Validate says what is wrong with the configuration. It contacts nothing.
func (c Config) Validate() error {
	_, err := c.options()
	return err
}

// Open connects to the analysts' database and refuses a schema that this program
// does not know ([ErrSchemaOld], [ErrSchemaNew]).
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

// Connect connects without looking at the schema.
func Connect(ctx context.Context, c Config) (driver.Conn, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	conn, err := driver.Open(options)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	if err := conn.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("clickhouse: connect: %w", err), conn.Close())
	}
	return conn, nil
}

// options sets what every connection of ours has. The blocks that the sink sends
// are whole batches, which gathering on the server's side only delays:
// async_insert is 1 by default since ClickHouse 26.
func (c Config) options() (*driver.Options, error) {
	if c.URL == "" {
		return nil, errors.New("clickhouse: no connection URL")
	}
	options, err := driver.ParseDSN(c.URL)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: connection URL: %w", err)
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
	return options, nil
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

// unknownTable is ClickHouse's error code of a table that does not exist.
const unknownTable = 60

// version returns the number of the last migration, 0 where none was ever run.
func version(ctx context.Context, conn driver.Conn) (v int64, err error) {
	err = conn.QueryRow(ctx, `SELECT max(version_id) FROM `+versionTable+` WHERE is_applied = 1`).Scan(&v)
	var exception *driver.Exception
	if errors.As(err, &exception) && exception.Code == unknownTable {
		return 0, nil
	}
	return v, err
}
