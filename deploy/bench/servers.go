package bench

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
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	client "github.com/segmentio/kafka-go"

	"tajdeed/dashboards/text"
	"tajdeed/deploy/demo"
	"tajdeed/deploy/local"
	"tajdeed/producers"
	"tajdeed/producers/simulate"
	"tajdeed/schema"
	"tajdeed/schema/clickhouse"
	"tajdeed/schema/extract"
	"tajdeed/schema/kafka"
	"tajdeed/schema/postgres"
)

// bench measures on one set of servers. One goroutine uses it.
type bench struct {
	servers *local.Servers
	at      local.Endpoints
	times   int
	say     func(string)
	folder  string // for extracts and the processes' logs
	run     string // is in the name of all that is made

	record   *pgx.Conn   // to the server, not to any world's database
	analysts driver.Conn // likewise
	kafka    *client.Client

	log       *filledLog            // the full one that figures share
	templates map[population]string // databases with an imported register
	grown     string                // the template of the figure that is measured
	made      int                   // names given out
}

// workload is what lies on a log of submissions.
type workload struct {
	n         int64
	residents int
	poison    float64 // the share of unreadable messages, as simulate.Config has it
	sponsor   float64 // the share of residents whom one sponsor has
}

// population is what a register depends on.
type population struct {
	residents int
	sponsor   float64
}

func (l workload) population() population { return population{l.residents, l.sponsor} }

func (l workload) simulation() (*simulate.Simulation, error) {
	return simulate.New(simulate.Config{Seed: demo.DefaultSeed, Residents: l.residents, Unreadable: l.poison, OneSponsor: l.sponsor})
}

// namePrefix begins the name of everything that is made on the servers, so that the next
// run finds what a killed one left.
const namePrefix = "bench_"

func openBench(ctx context.Context, servers *local.Servers, times int, say func(string)) (b *bench, err error) {
	b = &bench{
		servers: servers, at: servers.Endpoints(), times: times, say: say,
		run: namePrefix + fmt.Sprint(time.Now().Unix()), templates: map[population]string{},
	}
	b.kafka = &client.Client{Addr: client.TCP(b.at.Brokers...), Timeout: 15 * time.Second}
	b.folder = filepath.Join(b.at.Data, "bench")
	if err := errors.Join(os.RemoveAll(b.folder), os.MkdirAll(b.folder, 0o755)); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if b.record, err = pgx.Connect(ctx, b.at.Postgres); err != nil {
		return nil, fmt.Errorf("connect to Postgres: %w", err)
	}
	if b.analysts, err = clickhouse.Connect(ctx, clickhouse.Config{URL: b.at.ClickHouse, ApplicationName: "tajdeed-bench"}); err != nil {
		return nil, err
	}
	return b, b.sweep(ctx)
}

// close removes all that was made on the servers.
func (b *bench) close(ctx context.Context) error {
	err := b.sweep(ctx)
	_ = b.analysts.Close()
	return errors.Join(err, b.record.Close(ctx))
}

// sweep removes what this run or a killed one made.
func (b *bench) sweep(ctx context.Context) error {
	databases, err := b.databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range databases {
		if err := b.dropDatabase(ctx, name); err != nil {
			return err
		}
	}
	if err := b.sweepAnalysts(ctx); err != nil {
		return err
	}
	topics, err := b.topics(ctx)
	if err != nil {
		return err
	}
	return b.deleteTopics(ctx, topics...)
}

func (b *bench) databases(ctx context.Context) ([]string, error) {
	rows, err := b.record.Query(ctx, `SELECT datname FROM pg_database WHERE starts_with(datname, $1)`, namePrefix)
	if err != nil {
		return nil, fmt.Errorf("look for databases: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (b *bench) dropDatabase(ctx context.Context, name string) error {
	if _, err := b.record.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return nil
}

func (b *bench) sweepAnalysts(ctx context.Context) error {
	var names []string
	err := b.analysts.QueryRow(ctx, `SELECT groupArray(name) FROM system.databases WHERE startsWith(name, $1)`, namePrefix).Scan(&names)
	if err != nil {
		return fmt.Errorf("look for databases: %w", err)
	}
	for _, name := range names {
		if err := b.dropAnalysts(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) dropAnalysts(ctx context.Context, name string) error {
	if err := b.analysts.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" SYNC"); err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return nil
}

// topics returns the names of all topics of ours.
func (b *bench) topics(ctx context.Context) (ours []string, err error) {
	response, err := b.kafka.Metadata(ctx, &client.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	for _, topic := range response.Topics {
		if strings.HasPrefix(topic.Name, namePrefix) {
			ours = append(ours, topic.Name)
		}
	}
	return ours, nil
}

// deleteTopics returns when the broker no longer shows them: until then they could not
// be made anew.
func (b *bench) deleteTopics(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	if _, err := b.kafka.DeleteTopics(ctx, &client.DeleteTopicsRequest{Topics: names}); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	return patience.Await(ctx, "the deletion of topics", func() (int64, bool, error) {
		// A client that has just asked would answer from its memory.
		fresh := &client.Client{Addr: b.kafka.Addr, Timeout: b.kafka.Timeout, Transport: &client.Transport{IdleTimeout: time.Second}}
		response, err := fresh.Metadata(ctx, &client.MetadataRequest{Topics: names})
		if err != nil {
			return 0, false, fmt.Errorf("look for topics: %w", err)
		}
		left := int64(0)
		for _, topic := range response.Topics {
			if !errors.Is(topic.Error, client.UnknownTopicOrPartition) {
				left++
			}
		}
		return left, left == 0, nil
	})
}

// name gives out a name that nothing has.
func (b *bench) name() string {
	b.made++
	return fmt.Sprintf("%s_%d", b.run, b.made)
}

// forget drops what was made for one figure alone.
func (b *bench) forget(ctx context.Context) error {
	if b.grown == "" {
		return nil
	}
	name := b.grown
	b.grown = ""
	return b.dropDatabase(ctx, name)
}

// template returns a database at this program's schema with a population's register.
func (b *bench) template(ctx context.Context, load workload) (string, error) {
	if name, made := b.templates[load.population()]; made {
		return name, nil
	}
	b.say(fmt.Sprintf("importing a register of %s residents", text.Thousands(int64(load.residents))))
	name := b.name()
	if _, err := b.record.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("create a database: %w", err)
	}
	if err := b.importInto(ctx, name, load); err != nil {
		return "", err
	}
	b.templates[load.population()] = name
	return name, nil
}

func (b *bench) importInto(ctx context.Context, name string, load workload) error {
	simulation, err := load.simulation()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.folder, name)
	defer func() { _ = os.RemoveAll(dir) }()
	if err := simulation.WriteExtract(dir); err != nil {
		return err
	}
	db, err := postgres.Connect(ctx, postgres.Config{URL: inDatabase(b.at.Postgres, name), ApplicationName: "tajdeed-bench"})
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := postgres.Migrate(ctx, db); err != nil {
		return err
	}
	return importExtract(ctx, db, dir)
}

// clone makes a database like another one, which nobody may be connected to.
func (b *bench) clone(ctx context.Context, template string) (string, error) {
	name := b.name()
	_, err := b.record.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, template))
	if err != nil {
		return "", fmt.Errorf("clone a database: %w", err)
	}
	return name, nil
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

// filledLog is a set of topics and what lies on the one of submissions.
type filledLog struct {
	prefix    string
	topics    schema.Topics
	load      workload
	messages  int64
	decisions int64 // of these messages, as many can be read
	used      bool  // the other topics hold what a world announced
}

// newLog creates topics.
func (b *bench) newLog(ctx context.Context, load workload) (*filledLog, error) {
	l := &filledLog{prefix: b.name(), load: load}
	l.topics = schema.NamedTopics(l.prefix)
	return l, b.createTopics(ctx, l)
}

// createTopics creates the topics that are missing, and waits until they can be used.
func (b *bench) createTopics(ctx context.Context, l *filledLog) error {
	if _, err := kafka.Create(ctx, kafka.Config{Brokers: b.at.Brokers, Topics: l.topics}); err != nil {
		return err
	}
	for _, topic := range l.topics.Names() {
		if _, err := b.lies(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

// full returns a log with all of a load on it: the last one, if it is the same.
func (b *bench) full(ctx context.Context, load workload) (l *filledLog, err error) {
	if b.log != nil && b.log.load == load {
		return b.log, nil
	}
	if b.log != nil {
		if err := b.deleteTopics(ctx, b.log.topics.Names()...); err != nil {
			return nil, err
		}
		b.log = nil
	}
	b.say(fmt.Sprintf("publishing %s applications", text.Thousands(load.n)))
	if l, err = b.newLog(ctx, load); err != nil {
		return nil, err
	}
	simulation, err := load.simulation()
	if err != nil {
		return nil, err
	}
	if err := b.fill(ctx, l, simulation); err != nil {
		return nil, err
	}
	b.log = l
	return l, nil
}

// fill publishes a load, and notes what there then is.
func (b *bench) fill(ctx context.Context, l *filledLog, simulation *simulate.Simulation) error {
	publisher, err := b.publisher(l)
	if err != nil {
		return err
	}
	defer func() { _ = publisher.Close() }()
	f := simulate.Feed{Simulation: simulation, Publisher: publisher, Topic: l.topics.Submissions, Total: l.load.n}
	if err := f.Run(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	counts := simulation.Manifest().Counts
	l.messages, l.decisions = int64(counts.Messages), int64(counts.Messages-counts.Unreadable)
	return b.checkLog(ctx, l)
}

var errNotAsPublished = errors.New("what lies on the log is not what was published")

// checkLog refuses a log on which a message lies twice, after an answer that was lost.
func (b *bench) checkLog(ctx context.Context, l *filledLog) error {
	lies, err := b.lies(ctx, l.topics.Submissions)
	if err == nil && lies != l.messages {
		err = fmt.Errorf("%w: %d messages of %d", errNotAsPublished, lies, l.messages)
	}
	return err
}

// lies is how many messages a topic holds.
func (b *bench) lies(ctx context.Context, topic string) (sum int64, err error) {
	ends, err := kafka.Ends(ctx, b.at.Brokers, topic)
	for _, end := range ends {
		sum += end.Next - end.First
	}
	return sum, err
}

func (b *bench) publisher(l *filledLog) (*producers.Publisher, error) {
	return producers.NewPublisher(producers.Config{
		Brokers: b.at.Brokers, Topics: l.topics.Names(), ClientID: "tajdeed-bench",
	}, slog.Default(), nil)
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
