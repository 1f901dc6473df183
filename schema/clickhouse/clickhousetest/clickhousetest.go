// Package clickhousetest gives a test a database of its own on the shared server
// of the test run, at this program's schema, dropped when the test ends.
package clickhousetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema/clickhouse"
)

// Env names the variable that says where the test run's ClickHouse is.
const Env = "TAJDEED_CLICKHOUSE"

var databases atomic.Int64

// New returns a connection to a database of the test's own.
func New(t testing.TB) driver.Conn {
	t.Helper()
	return open(t, URL(t))
}

// URL returns the connection string of a database of the test's own, for a test
// that starts processes.
func URL(t testing.TB) string {
	t.Helper()
	url := Empty(t)
	if _, err := clickhouse.Migrate(t.Context(), clickhouse.Config{URL: url}); err != nil {
		t.Fatalf("migrate the test's database: %v", err)
	}
	return url
}

// Empty returns the connection string of a database without any schema.
func Empty(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Env)
	if server == "" {
		t.Fatalf("%s is not set: this test needs the servers; run `make test`, or `tajdeed-local servers -- go test ./...`", Env)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databases.Add(1))
	execute(t, server, `CREATE DATABASE `+name)
	t.Cleanup(func() { execute(t, server, `DROP DATABASE `+name+` SYNC`) })
	return withDatabase(t, server, name)
}

func open(t testing.TB, url string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Connect(t.Context(), clickhouse.Config{URL: url})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// execute runs on a connection of its own: the test's context has ended when a
// cleanup runs.
func execute(t testing.TB, server, statement string) {
	t.Helper()
	conn, err := clickhouse.Connect(context.Background(), clickhouse.Config{URL: server})
	if err != nil {
		t.Fatalf("connect to the test run's ClickHouse: %v", err)
	}
	defer conn.Close()
	if err := conn.Exec(context.Background(), statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
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
