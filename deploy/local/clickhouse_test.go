package local

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"tajdeed/schema/clickhouse"
)

// This build of ClickHouse aborts when a connection names a database that does not
// exist. A process of ours never names one: neither at its start nor after the
// database was dropped under it, when its connections are opened again one by one.
func TestMissingDatabaseDoesNotKillClickHouse(t *testing.T) {
	t.Parallel()
	s := startServers(t, Config{Data: newData(t), Broker: BrokerKfake})
	server, before := s.Server(clickhouseName), s.Server(clickhouseName).PID()
	admin := connectClickHouse(t, s.Endpoints().ClickHouse)
	used := inDatabase(t, s.Endpoints().ClickHouse, "comes and goes")

	_, err := clickhouse.Open(limit(t), clickhouse.Config{URL: used})
	wantMissing(t, err)
	_, err = clickhouse.Migrate(limit(t), clickhouse.Config{URL: used})
	must(t, err)
	conn := connectClickHouse(t, used)
	must(t, count(t, conn))
	must(t, admin.Exec(limit(t), "DROP DATABASE `comes and goes` SYNC"))
	for range 3 { // an error closes the connection that it happened on
		for _, err := range countTogether(t, conn) {
			wantMissing(t, err)
		}
	}
	_, err = clickhouse.Migrate(limit(t), clickhouse.Config{URL: used})
	must(t, err)
	must(t, errors.Join(countTogether(t, conn)...))
	if server.PID() != before || server.Deaths() != 0 {
		t.Errorf("process %d became %d after %d deaths, want none", before, server.PID(), server.Deaths())
	}
	must(t, errors.Join(conn.Close(), admin.Close())) // ClickHouse waits 5 s for open ones
	stopServers(t, s)
}

// wantMissing wants an error that a person and a stage both understand.
func wantMissing(t *testing.T, err error) {
	t.Helper()
	if !clickhouse.IsMissing(err) {
		t.Errorf("%v, want an error that says that the database is missing", err)
	}
	wantSentence(t, err, "comes and goes", "does not exist")
}

func connectClickHouse(t *testing.T, at string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Connect(limit(t), clickhouse.Config{URL: at})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func inDatabase(t *testing.T, at, database string) string {
	t.Helper()
	u, err := url.Parse(at)
	must(t, err)
	u.Path = "/" + database
	return u.String()
}

// countTogether asks on as many connections as there are questions.
func countTogether(t *testing.T, conn driver.Conn) []error {
	t.Helper()
	errs := make([]error, 8)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = count(t, conn) })
	}
	all.Wait()
	return errs
}

func count(t *testing.T, conn driver.Conn) error {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(limit(t), "SELECT count() FROM decision").Scan(&n); err != nil {
		return fmt.Errorf("count the decisions: %w", err)
	}
	return nil
}
