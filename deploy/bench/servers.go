package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5"
	client "github.com/segmentio/kafka-go"

	"tajdeed/deploy/local"
	"tajdeed/schema/clickhouse"
)

// bench measures on one set of servers. One goroutine uses it.
type bench struct {
	servers *local.Servers
	at      local.Endpoints
	repeats int
	say     func(string)
	folder  string // for extracts and the processes' logs
	run     string // the beginning of the name of everything that this run creates

	postgres   *pgx.Conn   // to the server, not to the database of an installation
	clickhouse driver.Conn // likewise
	kafka      *client.Client

	log       *filledLog            // the full one that figures share
	templates map[population]string // databases with an imported register
	enlarged  string                // the enlarged template of the figure that is measured
	names     int                   // how many names were used
	warm      bool                  // a figure was measured on the servers
}

// namePrefix begins the name of everything that is created on the servers, so that the next
// run finds what a killed one left.
const namePrefix = "bench_"

// clientID is the name under which the servers see this process.
const clientID = "tajdeed-bench"

func openBench(ctx context.Context, servers *local.Servers, times int, say func(string)) (b *bench, err error) {
	b = &bench{
		servers: servers, at: servers.Endpoints(), repeats: times, say: say,
		run: namePrefix + fmt.Sprint(time.Now().Unix()), templates: map[population]string{},
	}
	b.kafka = &client.Client{Addr: client.TCP(b.at.Brokers...), Timeout: 15 * time.Second}
	b.folder = filepath.Join(b.at.Data, "bench")
	if err := errors.Join(os.RemoveAll(b.folder), os.MkdirAll(b.folder, 0o755)); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if b.postgres, err = pgx.Connect(ctx, b.at.Postgres); err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	if b.clickhouse, err = clickhouse.Connect(ctx, clickhouse.Config{URL: b.at.ClickHouse, ApplicationName: clientID}); err != nil {
		return nil, err
	}
	return b, b.dropAll(ctx)
}

// close drops everything that was created on the servers, and disconnects.
func (b *bench) close(ctx context.Context) error {
	err := b.dropAll(ctx)
	_ = b.clickhouse.Close()
	return errors.Join(err, b.postgres.Close(ctx))
}

// dropAll drops what this run, or a killed one, created.
func (b *bench) dropAll(ctx context.Context) error {
	databases, err := b.postgresDatabases(ctx)
	if err != nil {
		return err
	}
	for _, name := range databases {
		if err := b.dropPostgres(ctx, name); err != nil {
			return err
		}
	}
	if err := b.dropClickHouseDatabases(ctx); err != nil {
		return err
	}
	topics, err := b.topicNames(ctx)
	if err != nil {
		return err
	}
	return b.deleteTopics(ctx, topics...)
}

func (b *bench) postgresDatabases(ctx context.Context) ([]string, error) {
	rows, err := b.postgres.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, namePrefix)
	if err != nil {
		return nil, fmt.Errorf("look for databases: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (b *bench) dropPostgres(ctx context.Context, name string) error {
	if _, err := b.postgres.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return nil
}

func (b *bench) dropClickHouseDatabases(ctx context.Context) error {
	var names []string
	err := b.clickhouse.QueryRow(ctx, `SELECT groupArray(name) FROM system.databases WHERE startsWith(name, $1)`, namePrefix).Scan(&names)
	if err != nil {
		return fmt.Errorf("look for databases: %w", err)
	}
	for _, name := range names {
		if err := b.dropClickHouse(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) dropClickHouse(ctx context.Context, name string) error {
	if err := b.clickhouse.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return nil
}

// name returns a name that nothing has.
func (b *bench) name() string {
	b.names++
	return fmt.Sprintf("%s_%d", b.run, b.names)
}

// inDatabase is a server's URL with another database in it.
func inDatabase(at, name string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	u.Path = "/" + name
	return u.String()
}
