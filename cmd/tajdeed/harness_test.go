package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"

	"tajdeed/deploy/local"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/clickhouse/clickhousetest"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafka"
	"tajdeed/schema/kafkatest"
	"tajdeed/schema/postgres"
	"tajdeed/schema/postgres/postgrestest"
)

// asProgram makes the test's binary be tajdeed itself, so that a test can start it,
// kill it and read what it prints.
const asProgram = "TAJDEED_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if local.ChildMain(os.Args) {
		return
	}
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a running tajdeed.
type program struct {
	*testing.T
	name    string
	command *exec.Cmd
	exited  chan struct{}

	mu      sync.Mutex
	log     bytes.Buffer
	address string // of its pages, once it has said so
}

// tajdeed returns a command that has not started.
func tajdeed(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asProgram+"=1")
	return command
}

// start starts a long-running subcommand and stops it when the test ends.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{T: t, name: args[0], exited: make(chan struct{})}
	p.command = tajdeed(context.WithoutCancel(t.Context()), append(args, "--listen", "127.0.0.1:0")...)
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(stderr)
	t.Cleanup(func() {
		// Not SIGKILL: the embedded ClickHouse, which other tests share, dies of a
		// client that goes without a word.
		p.signal(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.said())
		}
	})
	return p
}

// read keeps what the program says, and finds its address there.
func (p *program) read(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		var line struct {
			Msg, Address string
		}
		_ = json.Unmarshal(lines.Bytes(), &line)
		p.mu.Lock()
		p.log.Write(append(lines.Bytes(), '\n'))
		if strings.HasPrefix(line.Msg, "serving") {
			p.address = line.Address
		}
		p.mu.Unlock()
	}
	_ = p.command.Wait()
	close(p.exited)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// signal sends a signal and, if it is one that ends it, waits for the end.
func (p *program) signal(s syscall.Signal) {
	p.Helper()
	_ = p.command.Process.Signal(s)
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.Errorf("%s did not end at %s", p.name, s)
		_ = p.command.Process.Kill()
	}
}

// get asks one of the program's pages.
func (p *program) get(page string) (status int, body string) {
	p.mu.Lock()
	address := p.address
	p.mu.Unlock()
	if address == "" {
		return 0, "it has not said where it listens"
	}
	response, err := http.Get("http://" + address + page)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// ready waits until the program says that it is.
func (p *program) ready() *program {
	p.Helper()
	eventually(p.T, func() error {
		select {
		case <-p.exited:
			p.Fatalf("%s ended instead of getting ready:\n%s", p.name, p.said())
		default:
		}
		if status, body := p.get("/readyz"); status != http.StatusOK {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
	return p
}

// unready waits until the program says that it cannot do its work.
func (p *program) unready() {
	p.Helper()
	eventually(p.T, func() error {
		if status, body := p.get("/readyz"); status != http.StatusServiceUnavailable {
			return fmt.Errorf("%s: %d %s", p.name, status, body)
		}
		return nil
	})
}

// eventually waits for a condition, and fails the test with what it last said.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about in two minutes: %v", err)
		}
		<-ticker.C
	}
}

// stores are a record, an analysts' database and topics of one test's own.
type stores struct {
	*testing.T
	postgresURL, clickhouseURL string
	brokers                    []string
	prefix                     string
	topics                     schema.Topics
	record                     *pgxpool.Pool
	analysts                   driver.Conn
	publisher                  *producers.Publisher
}

// newStores returns stores on the servers of the test run.
func newStores(t *testing.T) *stores {
	t.Helper()
	return openStores(t, postgrestest.URL(t), clickhousetest.URL(t), kafkatest.Brokers(t))
}

// openStores creates the topics and connects.
func openStores(t *testing.T, postgresURL, clickhouseURL string, brokers []string) *stores {
	t.Helper()
	s := &stores{T: t, postgresURL: postgresURL, clickhouseURL: clickhouseURL, brokers: brokers, prefix: "test-" + uuid.NewString()[:8]}
	s.topics = schema.NamedTopics(s.prefix)
	if _, err := kafka.Create(t.Context(), kafka.Config{Brokers: brokers, Topics: s.topics, Partitions: 4}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.deleteTopics)
	var err error
	if s.record, err = postgres.Open(t.Context(), postgres.Config{URL: postgresURL, ApplicationName: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.record.Close)
	if s.analysts, err = clickhouse.Open(t.Context(), clickhouse.Config{URL: clickhouseURL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.analysts.Close() })
	if s.publisher, err = producers.NewPublisher(producers.Config{Brokers: brokers, Topics: s.topics.Names()}, nil, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.publisher.Close() })
	return s
}

func (s *stores) deleteTopics() {
	conn := &client.Client{Addr: client.TCP(s.brokers...), Timeout: 10 * time.Second}
	_, _ = conn.DeleteTopics(context.Background(), &client.DeleteTopicsRequest{Topics: s.topics.Names()})
}

// renewals starts a worker that decides.
func (s *stores) renewals(args ...string) *program {
	s.Helper()
	return start(s.T, append([]string{"renewals", "--brokers", strings.Join(s.brokers, ","), "--topics", s.prefix,
		"--group", s.prefix + ".renewals", "--postgres", s.postgresURL, "--session-timeout", "6s"}, args...)...)
}

// analytics starts a sink.
func (s *stores) analytics() *program {
	s.Helper()
	return start(s.T, "analytics", "--brokers", strings.Join(s.brokers, ","), "--topics", s.prefix,
		"--group", s.prefix+".analytics", "--clickhouse", s.clickhouseURL, "--pseudonym-key", "a key for tests only", "--session-timeout", "6s", "--batch-age", "50ms")
}

// populate makes a population and imports its register.
func (s *stores) populate(residents int) *simulate.Simulation {
	s.Helper()
	simulation, err := simulate.New(simulate.Config{Seed: 7, Residents: residents, Record: true})
	if err != nil {
		s.Fatal(err)
	}
	dir := s.TempDir()
	if err := simulation.WriteExtract(dir); err != nil {
		s.Fatal(err)
	}
	e, err := extract.Open(dir)
	if err != nil {
		s.Fatal(err)
	}
	if err := importExtract(s.Context(), s.record, e, false); err != nil {
		s.Fatal(err)
	}
	return simulation
}

// publish publishes the simulation's next messages.
func (s *stores) publish(simulation *simulate.Simulation, n int) {
	s.Helper()
	chunk, err := nextChunk(simulation, n)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.publisher.Publish(s.Context(), s.topics.Submissions, chunk); err != nil {
		s.Fatal(err)
	}
}

// consumed waits until at least n messages were decided.
func (s *stores) consumed(n int) {
	s.Helper()
	eventually(s.T, func() error {
		var have int
		err := s.record.QueryRow(s.Context(), `SELECT coalesce(sum(next_offset), 0)::bigint FROM position`).Scan(&have)
		if err == nil && have < n {
			err = fmt.Errorf("%d of %d consumed", have, n)
		}
		return err
	})
}

var errRows = errors.New("rows are missing")

// drained waits until everything published is decided, announced and queryable.
func (s *stores) drained(published int) {
	s.Helper()
	eventually(s.T, func() error {
		var next, announced, decisions uint64
		err := s.record.QueryRow(s.Context(), `SELECT coalesce(sum(next_offset), 0)::bigint, coalesce(sum(published_offset), 0)::bigint,
			(SELECT count(*) FROM decision) FROM position`).Scan(&next, &announced, &decisions)
		if err != nil {
			return err
		}
		var rows uint64
		if err := s.analysts.QueryRow(s.Context(), `SELECT count() FROM decision`).Scan(&rows); err != nil {
			return err
		}
		if next < uint64(published) || announced < uint64(published) || rows < decisions {
			return fmt.Errorf("%w: %d of %d consumed, %d announced, %d of %d rows", errRows, next, published, announced, rows, decisions)
		}
		return nil
	})
}
