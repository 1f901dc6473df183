package clickhouse_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
)

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	for url, valid := range map[string]bool{
		"":                                    false,
		"clickhouse://127.0.0.1:9000/tajdeed": true,
		"clickhouse://127.0.0.1:9000":         false, // names no database
		"http://127.0.0.1:8123/tajdeed":       false, // each query would be in another session
		"clickhouse://127.0.0.1/a?dial_timeout=x": false,
	} {
		if err := (clickhouse.Config{URL: url}).Validate(); (err == nil) != valid {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// A user who can only read is in the database of the URL too, whatever its name.
func TestConnectAsAnalyst(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(clickhousetest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	at.User = url.User("analyst")
	db := connect(t, clickhouse.Config{URL: at.String()})
	got := selectRows(t, db, `SELECT currentDatabase()`)
	if want := []string{strings.TrimPrefix(at.Path, "/")}; !slices.Equal(got, want) {
		t.Errorf("in the database %q, want %q", got, want)
	}
}

// Migrate makes a database that does not exist, also one whose name must be quoted.
func TestMigrateMakesTheDatabase(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(clickhousetest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	admin := connect(t, clickhouse.Config{URL: at.String()})
	at.Path += " `of\\a test`"
	config := clickhouse.Config{URL: at.String()}
	if _, err := clickhouse.Open(t.Context(), config); !errors.Is(err, clickhouse.ErrNoDatabase) {
		t.Fatalf("%v, want %v", err, clickhouse.ErrNoDatabase)
	}
	migrate(t, config)
	name := strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(strings.TrimPrefix(at.Path, "/"))
	t.Cleanup(func() {
		if err := admin.Exec(context.Background(), "DROP DATABASE `"+name+"` SYNC"); err != nil {
			t.Error(err)
		}
	})
	db, err := clickhouse.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
}

// Many that ask at once are answered on as many connections as there may be, all in
// the database.
func TestQueriesAtOnce(t *testing.T) {
	t.Parallel()
	config := clickhouse.Config{URL: clickhousetest.URL(t), MaxConns: 3}
	db := connect(t, config)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			var n uint64
			if err := db.QueryRow(t.Context(), `SELECT count() FROM decision`).Scan(&n); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if open := db.Stats().Open; open > 3 {
		t.Errorf("%d connections, want 3 at most", open)
	}
}
