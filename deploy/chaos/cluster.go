package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafka"
	"tajdeed/schema/migrate"
	"tajdeed/schema/postgres"
)

// cluster is an installation to break: servers of its own, a proxy before each, the
// processes of both stages behind the proxies, and straight ways to the servers for
// who compares afterwards.
type cluster struct {
	folder  string
	servers *local.Servers
	at      local.Endpoints
	topics  schema.Topics
	proxies map[string]*proxy // by the server's name
	workers *local.Workers
	clocks  clocks

	record    *pgxpool.Pool
	analysts  driver.Conn
	publisher *producers.Publisher // through the proxy

	disks  map[faultKind]*disk // by the kind that fills them
	noDisk error               // why there are none
	keep   bool                // what lies on the disks is to be looked at afterwards
}

// The servers, as local names them.
const (
	serverPostgres = "postgres"
	serverAnalysts = "clickhouse"
	serverKafka    = "kafka"
)

// chaosPartitions is few enough that a worker has several, and enough for five.
const chaosPartitions = 8

// openCluster starts everything except the worker processes.
func openCluster(ctx context.Context, folder, cache string, say func(string)) (c *cluster, err error) {
	c = &cluster{folder: folder, topics: schema.NamedTopics(schema.DefaultPrefix), proxies: map[string]*proxy{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := c.openProxies(ctx); err != nil {
		return c, err
	}
	config := local.Config{
		Data: filepath.Join(folder, "servers"), Cache: cache, Broker: local.BrokerKafka,
		KafkaProxy: c.proxies[serverKafka].address(), Logger: slog.Default(), Progress: say,
	}
	if c.servers, err = local.Start(ctx, config); err != nil {
		return c, err
	}
	c.at = c.servers.Endpoints()
	if err := c.aim(); err != nil {
		return c, err
	}
	if err := c.makeDisks(ctx); err != nil {
		return c, err
	}
	say("bringing the schemas up to date")
	return c, c.connect(ctx)
}

func (c *cluster) openProxies(ctx context.Context) error {
	for name, speaks := range map[string]protocol{
		serverPostgres: postgresProtocol{}, serverAnalysts: opaque{}, serverKafka: kafkaProtocol{},
	} {
		p, err := openProxy(ctx, speaks)
		if err != nil {
			return err
		}
		c.proxies[name] = p
	}
	return nil
}

// aim tells the proxies where their servers are.
func (c *cluster) aim() error {
	for name, at := range map[string]string{serverPostgres: c.at.Postgres, serverAnalysts: c.at.ClickHouse} {
		u, err := url.Parse(at)
		if err != nil {
			return fmt.Errorf("read the address of %s: %w", name, err)
		}
		c.proxies[name].setTarget(u.Host)
	}
	c.proxies[serverKafka].setTarget(c.at.KafkaProxied)
	return nil
}

// proxied is a server's URL with the proxy in the server's place.
func (c *cluster) proxied(name, at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	u.Host = c.proxies[name].address()
	return u.String()
}

// connect makes the schemas and the ways to the servers.
func (c *cluster) connect(ctx context.Context) (err error) {
	record := postgres.Config{URL: c.at.Postgres, ApplicationName: "tajdeed-chaos"}
	analysts := clickhouse.Config{URL: c.at.ClickHouse, ApplicationName: "tajdeed-chaos"}
	created := kafka.Config{Brokers: c.at.Brokers, Topics: c.topics, Partitions: chaosPartitions}
	if _, err := migrate.Run(ctx, migrate.Config{Postgres: record, ClickHouse: analysts, Kafka: created}); err != nil {
		return err
	}
	if c.record, err = postgres.Open(ctx, record); err != nil {
		return err
	}
	if c.analysts, err = clickhouse.Open(ctx, analysts); err != nil {
		return err
	}
	c.publisher, err = producers.NewPublisher(producers.Config{
		Brokers: []string{c.proxies[serverKafka].address()}, Topics: c.topics.Names(), ClientID: "tajdeed-chaos",
	}, slog.Default(), nil)
	return err
}

// populate imports the register and makes the decisions' table lie on its disk.
func (c *cluster) populate(ctx context.Context, s *simulate.Simulation) error {
	dir := filepath.Join(c.folder, "extract")
	if err := s.WriteExtract(dir); err != nil {
		return err
	}
	if err := importExtract(ctx, c.record, dir); err != nil {
		return err
	}
	return c.moveDecisions(ctx)
}

// The worker processes at the beginning, and how many of renewals there may be.
const (
	firstRenewals, leastRenewals, mostRenewals = 4, 3, 5
	firstAnalytics                             = 2
)

// startWorkers starts the worker processes, behind the proxies.
func (c *cluster) startWorkers() error {
	logs := filepath.Join(c.folder, "log")
	c.clocks.folder = filepath.Join(c.folder, "clock")
	for _, dir := range []string{logs, c.clocks.folder} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make the workers' folders: %w", err)
		}
	}
	env, err := worker.Installation{
		Brokers: []string{c.proxies[serverKafka].address()}, Prefix: schema.DefaultPrefix,
		PostgresURL:   c.proxied(serverPostgres, c.at.Postgres),
		ClickHouseURL: c.proxied(serverAnalysts, c.at.ClickHouse),
		PseudonymKey:  strings.Repeat("chaos ", 4),
		Listen:        "127.0.0.1:0", Wait: 5 * time.Minute, SessionTimeout: sessionTimeout,
	}.Env()
	if err != nil {
		return err
	}
	c.workers = local.NewWorkers(local.WorkersConfig{
		Env: env, Logs: logs, Logger: slog.Default(),
		Extra: func(name string) (args, env []string) { return nil, []string{worker.ClockEnv(c.clocks.file(name))} },
	})
	for stage, n := range map[string]int{renewals.Name: firstRenewals, analytics.Name: firstAnalytics} {
		for range n {
			if err := c.workers.Start(stage); err != nil {
				return err
			}
		}
	}
	return nil
}

// close stops everything; what was never opened is passed over.
func (c *cluster) close(ctx context.Context) error {
	var errs []error
	if c.workers != nil {
		errs = append(errs, c.workers.Close())
	}
	if c.publisher != nil {
		errs = append(errs, c.publisher.Close())
	}
	if c.analysts != nil {
		_ = c.analysts.Close()
	}
	if c.record != nil {
		c.record.Close()
	}
	for _, p := range c.proxies {
		p.close()
	}
	if c.servers != nil {
		stopping, cancel := context.WithTimeout(ctx, local.StopWithin)
		defer cancel()
		errs = append(errs, c.servers.Stop(stopping))
	}
	for _, d := range c.disks {
		errs = append(errs, d.close(ctx, c.keep))
	}
	return errors.Join(errs...)
}

func importExtract(ctx context.Context, db *pgxpool.Pool, dir string) error {
	e, err := extract.Open(dir)
	if err != nil {
		return err
	}
	_, err = postgres.ImportRegister(ctx, db, e, postgres.ImportOptions{
		BadLine: func(_ *extract.Record, wrong *extract.LineError) error { return wrong },
	})
	return err
}
