package process

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"tajdeed/consumers"
	"tajdeed/consumers/analytics"
	"tajdeed/consumers/renewals"
	"tajdeed/dashboards/installationtest"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// lateServer is a server that is not there yet: it ends the first connections, and passes
// later ones on to the real one.
type lateServer struct {
	address string
	early   atomic.Int64 // connections that it ended
}

func newLateServer(t *testing.T, target string) *lateServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s := &lateServer{address: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if s.early.Load() < 2 {
				s.early.Add(1)
				_ = conn.Close()
				continue
			}
			go pass(conn, target)
		}
	}()
	return s
}

func pass(conn net.Conn, target string) {
	defer conn.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	}()
	_, _ = io.Copy(conn, server)
}

// lateURL is a store's URL with a late server in the store's place.
func lateURL(t *testing.T, at string) (string, *lateServer) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	s := newLateServer(t, u.Host)
	u.Host = s.address
	return u.String(), s
}

// start runs a stage in the background. The returned function stops it and returns its
// error.
func start(t *testing.T, run func(context.Context, Config) error, c Config) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, c) }()
	t.Cleanup(cancel)
	return func() error {
		cancel()
		return <-ended
	}
}

func engine(i *installationtest.Installation, c consumers.Config) consumers.Config {
	c.Brokers, c.Group, c.ClientID, c.SessionTimeout = i.Brokers, i.Group(c.Group), "test", 6*time.Second
	c.BatchAge = 50 * time.Millisecond
	return c
}

// Both stages wait for stores that come later than they do, work, and end without an error
// when they are told to.
func TestStagesRunUntilTheyAreStopped(t *testing.T) {
	t.Parallel()
	i := installationtest.New(t)
	postgresURL, latePostgres := lateURL(t, i.PostgresURL)
	clickhouseURL, lateClickHouse := lateURL(t, i.ClickHouseURL)
	lateKafka := newLateServer(t, i.Brokers[0])
	pseudonym, err := analytics.NewPseudonym([]byte(installationtest.PseudonymKey))
	if err != nil {
		t.Fatal(err)
	}
	const messages = 200
	simulation := i.Populate(500)
	config := Config{
		Engine: engine(i, renewals.DefaultConfig()), Topics: i.Topics, Listen: "127.0.0.1:0", Wait: time.Minute,
		PostgresURL: postgresURL,
	}
	config.Engine.Brokers = []string{lateKafka.address}
	stopRenewals := start(t, Renewals, config)
	config = Config{
		Engine: engine(i, analytics.DefaultConfig()), Topics: i.Topics, Listen: "127.0.0.1:0", Wait: time.Minute,
		ClickHouseURL: clickhouseURL, Pseudonym: pseudonym,
	}
	stopAnalytics := start(t, Analytics, config)
	i.Publish(simulation, messages)
	i.Drained(messages)
	if err := errors.Join(stopRenewals(), stopAnalytics()); err != nil {
		t.Errorf("a stage that was told to stop ended with %v", err)
	}
	for name, s := range map[string]*lateServer{"Postgres": latePostgres, "ClickHouse": lateClickHouse, "Kafka": lateKafka} {
		if s.early.Load() < 2 {
			t.Errorf("%s was not late: it ended %d connections", name, s.early.Load())
		}
	}
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

func replaced(t *testing.T, at string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}

// Errors that waiting does not mend come at once, although the wait is an hour; others when
// the wait is over.
func TestErrorsAtTheStart(t *testing.T) {
	t.Parallel()
	at, brokers := postgrestest.URL(t), kafkatest.Brokers(t)
	nobody := replaced(t, at, func(u *url.URL) { u.User = url.User("nobody_of_this_name") })
	dead := replaced(t, at, func(u *url.URL) { u.Host = closedPort(t) })
	renewalsOn := func(url string) func(context.Context, time.Duration) error {
		return func(ctx context.Context, wait time.Duration) error {
			return Renewals(ctx, Config{Engine: renewals.DefaultConfig(), PostgresURL: url, Wait: wait})
		}
	}
	analyticsOn := func(url string) func(context.Context, time.Duration) error {
		return func(ctx context.Context, wait time.Duration) error {
			return Analytics(ctx, Config{Engine: analytics.DefaultConfig(), ClickHouseURL: url, Wait: wait})
		}
	}
	noTopics := func(ctx context.Context, wait time.Duration) error {
		_, err := FindChannels(ctx, wait, brokers, schema.Topics{Prefix: "none"})
		return err
	}
	refused := new(pgconn.PgError)
	for name, test := range map[string]struct {
		open func(ctx context.Context, wait time.Duration) error
		wait time.Duration
		is   func(error) bool
	}{
		"an old schema":      {renewalsOn(postgrestest.Empty(t).Config().ConnString()), time.Hour, func(err error) bool { return errors.Is(err, postgres.ErrSchemaOld) }},
		"no database":        {analyticsOn(clickhousetest.Empty(t) + "_none"), time.Hour, func(err error) bool { return errors.Is(err, clickhouse.ErrNoDatabase) }},
		"a refused login":    {renewalsOn(nobody), time.Hour, func(err error) bool { return errors.As(err, &refused) && refused.Code == "28000" }},
		"no topics":          {noTopics, time.Hour, func(err error) bool { return errors.Is(err, kafka.ErrTopicMissing) }},
		"nobody, no wait":    {renewalsOn(dead), 0, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
		"nobody, to the end": {renewalsOn(dead), 100 * time.Millisecond, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := test.open(ctx, test.wait); !test.is(err) || ctx.Err() != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}
