package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/verify"
	"tajdeed/deploy/local"
	"tajdeed/deploy/worker"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/kafka"
	"tajdeed/schema/migrate"
	"tajdeed/schema/postgres"
)

// installation is what chaos breaks: servers of its own, a proxy in front of each, and the
// processes of both stages, which reach the servers through the proxies. What compares
// afterwards reaches them directly.
type installation struct {
	folder  string
	servers *local.Servers
	at      local.Endpoints
	topics  schema.Topics
	proxies map[string]*proxy // by the server's name
	workers *local.Workers
	clocks  clocks

	postgres   *pgxpool.Pool
	clickhouse driver.Conn
	publisher  *producers.Publisher // through the proxy

	disks     map[faultKind]*disk // by the kind of fault that fills them
	diskError error               // why there are none
	keep      bool                // close keeps the content of the disks
}

// The servers, as [tajdeed/deploy/local] names them.
const (
	serverPostgres   = "postgres"
	serverClickHouse = "clickhouse"
	serverKafka      = "kafka"
)

var serverNames = []string{serverPostgres, serverClickHouse, serverKafka}

// clientID is the name under which the servers see this process.
const clientID = "tajdeed-chaos"

// partitions is few enough that each worker has several, and enough for five workers.
const partitions = 8

// channels are those of the installation.
func channels() []schema.Channel { return schema.DefaultChannels() }

// flooding is the channel that floods.
const flooding schema.Channel = "mobile_app"

// openInstallation starts everything except the worker processes.
func openInstallation(ctx context.Context, folder, cache string, say func(string)) (i *installation, err error) {
	i = &installation{folder: folder, topics: schema.Topics{Prefix: schema.DefaultPrefix}, proxies: map[string]*proxy{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, i.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := i.openProxies(ctx); err != nil {
		return i, err
	}
	config := local.Config{
		Data: filepath.Join(folder, "servers"), Cache: cache, Broker: local.BrokerKafka,
		KafkaProxy: i.proxies[serverKafka].address(), Logger: slog.Default(), Progress: say,
	}
	if i.servers, err = local.Start(ctx, config); err != nil {
		return i, err
	}
	i.at = i.servers.Endpoints()
	if err := i.setTargets(); err != nil {
		return i, err
	}
	if err := i.makeDisks(ctx); err != nil {
		return i, err
	}
	say("bringing the schemas up to date")
	return i, i.connect(ctx)
}

func (i *installation) openProxies(ctx context.Context) error {
	for name, protocol := range map[string]protocol{
		serverPostgres: postgresProtocol{}, serverClickHouse: opaque{}, serverKafka: kafkaProtocol{},
	} {
		p, err := openProxy(ctx, protocol)
		if err != nil {
			return err
		}
		i.proxies[name] = p
	}
	return nil
}

// setTargets tells the proxies where their servers are.
func (i *installation) setTargets() error {
	for name, at := range map[string]string{serverPostgres: i.at.Postgres, serverClickHouse: i.at.ClickHouse} {
		u, err := url.Parse(at)
		if err != nil {
			return fmt.Errorf("read the address of %s: %w", name, err)
		}
		i.proxies[name].setTarget(u.Host)
	}
	i.proxies[serverKafka].setTarget(i.at.KafkaProxied)
	return nil
}

// proxiedURL is a server's URL with the proxy in the server's place.
func (i *installation) proxiedURL(name, at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	u.Host = i.proxies[name].address()
	return u.String()
}

// connect brings the schemas up to date and connects to the servers.
func (i *installation) connect(ctx context.Context) (err error) {
	stores := migrate.Config{
		Postgres:   postgres.Config{URL: i.at.Postgres, ApplicationName: clientID, StatementTimeout: verify.StatementTimeout},
		ClickHouse: clickhouse.Config{URL: i.at.ClickHouse, ApplicationName: clientID},
		Kafka:      kafka.Config{Brokers: i.at.Brokers, Topics: i.topics, Channels: channels(), Partitions: partitions},
		Simulated:  true,
	}
	if err := migrate.Run(ctx, stores, nil); err != nil {
		return err
	}
	if i.postgres, err = postgres.Open(ctx, stores.Postgres); err != nil {
		return err
	}
	if i.clickhouse, err = clickhouse.Open(ctx, stores.ClickHouse); err != nil {
		return err
	}
	i.publisher, err = producers.NewPublisher(producers.Config{
		Brokers: []string{i.proxies[serverKafka].address()}, ClientID: clientID,
	}, slog.Default(), nil)
	return err
}

// populate imports the register and moves the table of decisions to its disk.
func (i *installation) populate(ctx context.Context, s *simulate.Simulation) error {
	dir := filepath.Join(i.folder, "extract")
	if err := s.WriteExtract(dir); err != nil {
		return err
	}
	if err := postgres.ImportFolder(ctx, i.postgres, dir, nil); err != nil {
		return err
	}
	return i.moveDecisions(ctx)
}

// How many worker processes of each stage there are at the beginning, and how many of
// renewals there are at least and at most.
const (
	firstRenewals, leastRenewals, mostRenewals = 4, 3, 5
	firstAnalytics                             = 2
)

// startWorkers starts the worker processes, which reach the servers through the proxies.
func (i *installation) startWorkers() error {
	logs := filepath.Join(i.folder, "log")
	i.clocks.folder = filepath.Join(i.folder, "clock")
	for _, dir := range []string{logs, i.clocks.folder} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make the workers' folders: %w", err)
		}
	}
	env, err := worker.Installation{
		Brokers: []string{i.proxies[serverKafka].address()}, Prefix: schema.DefaultPrefix,
		PostgresURL:   i.proxiedURL(serverPostgres, i.at.Postgres),
		ClickHouseURL: i.proxiedURL(serverClickHouse, i.at.ClickHouse),
		PseudonymKey:  strings.Repeat("chaos ", 4),
		Listen:        "127.0.0.1:0", Wait: 5 * time.Minute, SessionTimeout: sessionTimeout,
	}.Env()
	if err != nil {
		return err
	}
	i.workers = local.NewWorkers(local.WorkersConfig{
		Env: env, Logs: logs, Logger: slog.Default(),
		Extra: func(name string) (args, env []string) { return nil, []string{worker.ClockEnv(i.clocks.file(name))} },
	})
	stages := slices.Concat(slices.Repeat([]string{renewals.Name}, firstRenewals), slices.Repeat([]string{analytics.Name}, firstAnalytics))
	for _, stage := range stages {
		if err := i.workers.Start(stage); err != nil {
			return err
		}
	}
	return nil
}

// close stops everything that was opened.
func (i *installation) close(ctx context.Context) error {
	var errs []error
	if i.workers != nil {
		errs = append(errs, i.workers.Close())
	}
	if i.publisher != nil {
		errs = append(errs, i.publisher.Close())
	}
	if i.clickhouse != nil {
		_ = i.clickhouse.Close()
	}
	if i.postgres != nil {
		i.postgres.Close()
	}
	for _, p := range i.proxies {
		p.close()
	}
	if i.servers != nil {
		stopping, cancel := context.WithTimeout(ctx, local.StopWithin)
		defer cancel()
		errs = append(errs, i.servers.Stop(stopping))
	}
	for _, d := range i.disks {
		errs = append(errs, d.close(ctx, i.keep))
	}
	return errors.Join(errs...)
}
