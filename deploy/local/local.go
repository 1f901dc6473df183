// Package local runs a whole installation's processes on one machine. [Start] runs the
// three servers that Tajdeed needs, real ones, as child processes under one data folder:
// Postgres 18, ClickHouse 26 and Apache Kafka 4. It fetches their pinned packages once,
// picks free ports, restarts a server that dies, stops them in order, and removes what a
// run that was killed left. It needs no Docker, no system service and no root. [Workers]
// are the stages' processes beside them, and [Patience] waits for what they do.
//
// The machine is a developer's, a test run's or a benchmark's. There are no replicas,
// no TLS, no passwords (everything listens on the loopback address only) and no upgrades
// of the data between major versions; in production the same endpoints are those of
// clusters. The commands `servers`, `up`, `bench` and `chaos` and the tests call it.
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
	versions  Versions
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
	got, err := fetchAll(ctx, c, f.broker())
	if err != nil {
		return nil, err
	}
	ports, err := choosePorts(c, f.ports())
	if err != nil {
		return nil, err
	}
	if err := f.update(func(r *state) { r.Broker = got.broker }); err != nil {
		return nil, err
	}
	s := &Servers{folder: f, endpoints: endpoints(c, f.path, got.broker, ports)}
	if err := s.startAll(ctx, c, plans(c, f, got, ports)); err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()
		return nil, errors.Join(err, s.stopAll(stopping))
	}
	// Written only now: a port that does not work would be tried again at every start.
	return s, f.update(func(r *state) { r.Ports = ports })
}

// A plan is how one server is brought up.
type plan struct {
	name string
	// prepare makes it ready to be launched: a data folder that has been initialised,
	// configuration files.
	prepare func(context.Context) (program, error)
	// setUp creates its database, once it answers, and tells its version.
	setUp func(context.Context) (version string, err error)
}

func plans(c Config, f *folder, got packages, ports Ports) []plan {
	broker := kafkaPlan(c, f, got, ports)
	if got.broker == BrokerKfake {
		broker = kfakePlan(f, ports)
	}
	return []plan{postgresPlan(c, f, got.postgres, ports), clickhousePlan(f, got.clickhouse, ports), broker}
}

func (s *Servers) startAll(ctx context.Context, c Config, all []plan) error {
	s.ordered = make([]*Server, len(all))
	versions := []*string{&s.versions.Postgres, &s.versions.ClickHouse, &s.versions.Kafka}
	group, ctx := errgroup.WithContext(ctx)
	for i, p := range all {
		group.Go(func() (err error) {
			s.ordered[i], *versions[i], err = startOne(ctx, c, s.folder, p)
			return err
		})
	}
	return group.Wait()
}

// startOne returns the server also beside an error, once there is something to stop.
func startOne(ctx context.Context, c Config, f *folder, how plan) (s *Server, version string, err error) {
	p, err := how.prepare(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("prepare %s: %w", how.name, err)
	}
	c.Progress("starting " + p.title)
	s = newServer(p, f, c.Logger)
	if err := s.Start(ctx); err != nil {
		return s, "", err
	}
	if version, err = how.setUp(ctx); err != nil {
		return s, "", fmt.Errorf("set %s up: %w", how.name, err)
	}
	return s, version, nil
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

// Versions are the versions of the servers that run, as each names its own.
type Versions struct {
	Postgres   string // "18.1": its server_version
	ClickHouse string // "26.7.2.1": its version()
	Kafka      string // "4.3.1": that of the pinned packages; "kfake" where that stands in
}

// Versions tells the servers' versions.
func (s *Servers) Versions() Versions { return s.versions }

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

// Stop stops all servers cleanly, the broker first and Postgres last, and unlocks
// the data folder. What has not stopped when ctx ends is killed.
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

// logFile is where a server's output goes.
func logFile(data, name string) string { return filepath.Join(data, "log", name+".log") }

// With starts the servers, calls do, and stops them again, also after ctx has ended. It
// tells c.Progress when it begins to stop. The error is that of do as it is, so that it may
// carry an exit code, joined with that of stopping if there is one.
func With(ctx context.Context, c Config, do func(*Servers) error) error {
	servers, err := Start(ctx, c)
	if err != nil {
		return err
	}
	done := do(servers)
	if c.Progress != nil {
		c.Progress("stopping")
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopWithin)
	defer cancel()
	if err := servers.Stop(stopping); err != nil {
		return errors.Join(done, err)
	}
	return done
}

// StopWithin is what servers get to stop cleanly where nobody knows better: a context for
// [Servers.Stop] ends so long after a run.
const StopWithin = 30 * time.Second

// Title is what a person calls the broker.
func (b Broker) Title() string {
	if b == BrokerKfake {
		return "kfake"
	}
	return "Kafka"
}
