// Package postgrestest gives a test a database of its own on the shared server of
// the test run: a clone of a migrated template, dropped when the test ends.
package postgrestest

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/schema/postgres"
)

// Env names the variable that says where the test run's Postgres is.
const Env = "TAJDEED_POSTGRES"

// lockTemplate is the advisory lock under which the template is made, once for
// all test processes of a run.
const lockTemplate = 0x7a6a6465656431

// New returns a pool on a database of the test's own, at this program's schema.
func New(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, postgres.Config{URL: URL(t)})
}

// NewByKey is [New] for a stage.
func NewByKey(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return open(t, postgres.Config{URL: URL(t), ByKey: true})
}

// URL returns the connection string of a database of the test's own, for a test
// that starts processes.
func URL(t testing.TB) string {
	t.Helper()
	server := serverURL(t)
	template := makeTemplate(t, server)
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	execute(t, server, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy`, name, template))
	t.Cleanup(func() { execute(t, server, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, name)) })
	return withDatabase(t, server, name)
}

// Empty returns a pool on a database without any schema, for tests of the
// migrations.
func Empty(t testing.TB) *pgxpool.Pool {
	t.Helper()
	server := serverURL(t)
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	execute(t, server, `CREATE DATABASE `+name)
	t.Cleanup(func() { execute(t, server, fmt.Sprintf(`DROP DATABASE %s WITH (FORCE)`, name)) })
	return open(t, postgres.Config{URL: withDatabase(t, server, name)})
}

var databases atomic.Int64

func serverURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Env)
	if server == "" {
		t.Fatalf("%s is not set: this test needs the servers; run `make test`, or `tajdeed-local servers -- go test ./...`", Env)
	}
	return server
}

func open(t testing.TB, config postgres.Config) *pgxpool.Pool {
	t.Helper()
	config.ApplicationName, config.MaxConns = "test", 8
	pool, err := postgres.Connect(t.Context(), config)
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// makeTemplate returns the name of the migrated template database, and makes it
// if this is the first test of the run to ask.
func makeTemplate(t testing.TB, server string) string {
	t.Helper()
	name := fmt.Sprintf("template_%x", schemaHash(t))
	err := withConn(server, func(ctx context.Context, conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, lockTemplate); err != nil {
			return err
		}
		var exists bool
		err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, name).Scan(&exists)
		if err != nil || exists {
			return err
		}
		return createTemplate(ctx, t, conn, server, name)
	})
	if err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	return name
}

// createTemplate migrates under another name first, so that a template exists
// only when it is whole.
func createTemplate(ctx context.Context, t testing.TB, conn *pgx.Conn, server, name string) error {
	draft := name + "_draft"
	for _, statement := range []string{`DROP DATABASE IF EXISTS ` + draft, `CREATE DATABASE ` + draft} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	pool, err := postgres.Connect(ctx, postgres.Config{URL: withDatabase(t, server, draft), ApplicationName: "template"})
	if err != nil {
		return err
	}
	_, err = postgres.Migrate(ctx, pool)
	pool.Close()
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, fmt.Sprintf(`ALTER DATABASE %s RENAME TO %s`, draft, name))
	return err
}

// schemaHash tells one set of migrations from another, so that a server that is
// kept between runs does not serve an old template.
func schemaHash(t testing.TB) uint64 {
	t.Helper()
	hash := fnv.New64a()
	for _, text := range postgres.Migrations() {
		_, _ = hash.Write([]byte(text))
	}
	return hash.Sum64()
}

func execute(t testing.TB, server, statement string) {
	t.Helper()
	err := withConn(server, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", strings.Fields(statement)[0], err)
	}
}

// withConn runs on a connection of its own: the test's context has ended when a
// cleanup runs.
func withConn(server string, f func(context.Context, *pgx.Conn) error) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return f(ctx, conn)
}

func withDatabase(t testing.TB, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not a URL: %v", Env, err)
	}
	u.Path = "/" + name
	return u.String()
}
