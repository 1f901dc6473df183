package clickhouse

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	chdriver "github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// database is the name of the database that connections are to be in.
//
// A connection of ours does not name it in its handshake, as the driver's own would: it
// begins in the server's default database and changes with USE. The embedded ClickHouse
// (deploy/local) aborts at a handshake that names a database which does not exist, and
// the driver opens connections whenever it needs one, so also after the database was
// dropped. USE is answered with an error by every server.
type database string

// openPool opens a pool whose connections are in the database.
func (d database) openPool(options *driver.Options) (chdriver.Conn, error) {
	// The driver counts the connections that it asks for, also those that are refused; by
	// that number it chooses among several hosts, so here it is counted anew.
	var opened atomic.Int64
	options.DialStrategy = func(ctx context.Context, _ int, options *driver.Options, dial driver.Dial) (driver.DialResult, error) {
		if ctx.Value(useKey{}) == nil {
			return driver.DialResult{}, errNoIdle
		}
		return driver.DefaultDialStrategy(ctx, int(opened.Add(1)), options, dial)
	}
	conn, err := driver.Open(options)
	return pool{conn, d, 2*options.MaxOpenConns + 1}, err
}

// openDB is openPool for goose.
func (d database) openDB(options *driver.Options) *sql.DB {
	return sql.OpenDB(connector{driver.Connector(options), d})
}

// create creates the database if it does not exist. A user who may not create databases
// can go on with one that exists.
func (d database) create(ctx context.Context, options *driver.Options) (err error) {
	conn, err := driver.Open(options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Exec(ctx, d.use())
	if !hasCode(err, unknownDatabase) {
		return err
	}
	return conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+d.quoted())
}

// use is the statement that a new connection begins with. It asks for the right to see the
// database, which a handshake that names it does not.
func (d database) use() string { return "USE " + d.quoted() }

func (d database) quoted() string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(string(d)) + "`"
}

// explain says what to do about a database that does not exist.
func (d database) explain(err error) error {
	if hasCode(err, unknownDatabase) {
		return fmt.Errorf("the database %q %w (%w)", string(d), ErrNoDatabase, err)
	}
	return err
}

// pool has every one of its connections in the database. The driver has no hook that
// runs on a connection which it has just opened, but it asks before it opens one
// (see openPool): so only USE may open a connection, and what finds no idle connection has
// USE open one and tries again. An operation that finds one costs nothing more than without
// all this. Only the methods below may be called while no connection is idle; the others of
// the driver fail then, and nobody calls them.
type pool struct {
	chdriver.Conn
	database database
	turns    int // how often an operation may have a connection opened for it
}

// errNoIdle says that an operation would have to open a connection.
var errNoIdle = errors.New("no connection is idle, and this operation cannot open one")

// useKey marks a context of USE.
type useKey struct{}

// do runs an operation on a connection that is in the database. Others may take the
// connection that was opened for it, or it may end before it was idle: then the operation
// has another one opened, after a pause, up to as often as every connection of the pool can
// be taken away twice.
func (p pool) do(ctx context.Context, operation func() error) error {
	for turn := range p.turns {
		err := operation()
		if !errors.Is(err, errNoIdle) {
			return err
		}
		if !pause(ctx, time.Duration(turn)*turnPause) {
			return context.Cause(ctx)
		}
		if err := p.Conn.Exec(context.WithValue(ctx, useKey{}, true), p.database.use()); err != nil {
			return p.database.explain(err)
		}
	}
	return fmt.Errorf("%d connections were opened and ended before they could be used: %w", p.turns, errNoIdle)
}

// turnPause is by how much longer each turn waits than the one before it.
const turnPause = 5 * time.Millisecond

// pause waits, and tells whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p pool) Ping(ctx context.Context) error {
	return p.do(ctx, func() error { return p.Conn.Ping(ctx) })
}

func (p pool) Exec(ctx context.Context, query string, args ...any) error {
	return p.do(ctx, func() error { return p.Conn.Exec(ctx, query, args...) })
}

func (p pool) Select(ctx context.Context, into any, query string, args ...any) error {
	return p.do(ctx, func() error { return p.Conn.Select(ctx, into, query, args...) })
}

func (p pool) Query(ctx context.Context, query string, args ...any) (rows chdriver.Rows, err error) {
	err = p.do(ctx, func() (err error) {
		rows, err = p.Conn.Query(ctx, query, args...)
		return err
	})
	return rows, err
}

func (p pool) QueryRow(ctx context.Context, query string, args ...any) (row chdriver.Row) {
	err := p.do(ctx, func() error {
		row = p.Conn.QueryRow(ctx, query, args...)
		return row.Err()
	})
	if err != nil {
		return failedRow{err}
	}
	return row
}

func (p pool) PrepareBatch(ctx context.Context, query string, options ...chdriver.PrepareBatchOption) (batch chdriver.Batch, err error) {
	err = p.do(ctx, func() (err error) {
		batch, err = p.Conn.PrepareBatch(ctx, query, options...) //nolint:clickhouselint // the caller closes it
		return err
	})
	return batch, err
}

// failedRow is the row of a query that was not asked.
type failedRow struct{ err error }

func (r failedRow) Err() error           { return r.err }
func (r failedRow) Scan(...any) error    { return r.err }
func (r failedRow) ScanStruct(any) error { return r.err }

// connector opens connections that are in the database, for database/sql.
type connector struct {
	sqldriver.Connector
	database database
}

func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.(sqldriver.ExecerContext).ExecContext(ctx, c.database.use(), nil); err != nil { //nolint:forcetypeassert // the driver's connections are
		return nil, errors.Join(c.database.explain(err), conn.Close())
	}
	return conn, nil
}
