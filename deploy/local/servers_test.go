package local

import (
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// One set of servers goes through kills, stops and another start.
func TestServersKeepTheirData(t *testing.T) {
	t.Parallel()
	c := Config{Data: newData(t), Broker: BrokerKafka}
	s := startServers(t, c)
	at := s.Endpoints()
	makeMarks(t, at)
	writeMark(t, at, "first day")
	t.Run("they tell their versions", func(t *testing.T) { wantVersions(t, s) })
	t.Run("a second start on the same folder is refused", func(t *testing.T) {
		_, err := Start(limit(t), c)
		wantSentence(t, err, "already run under process", c.Data)
	})
	t.Run("a terminal's Ctrl-C does not reach the servers", func(t *testing.T) {
		for name, pid := range pids(s) {
			if group, err := syscall.Getpgid(pid); err != nil || group != pid {
				t.Errorf("%s, process %d, is in process group %d (%v), want its own", name, pid, group, err)
			}
		}
	})
	t.Run("every server", func(t *testing.T) {
		for _, name := range everyServer() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				survives(t, s.Server(name), at)
			})
		}
	})
	stopServers(t, s)
	t.Run("the next start has the same ports and data", func(t *testing.T) {
		s := startServers(t, c)
		if again := s.Endpoints(); strings.Join(again.Brokers, "") != strings.Join(at.Brokers, "") || again.Postgres != at.Postgres || again.ClickHouse != at.ClickHouse {
			t.Errorf("the servers moved from %+v to %+v", at, again)
		}
		wantMarks(t, at, "first day", "after the kill", "after the stop")
		stopServers(t, s)
	})
}

// wantVersions asks Postgres and ClickHouse; Kafka's is the one that Maven was asked for.
func wantVersions(t *testing.T, s *Servers) {
	conn, err := pgx.Connect(limit(t), s.Endpoints().Postgres)
	must(t, err)
	defer conn.Close(limit(t))
	var want Versions
	must(t, conn.QueryRow(limit(t), "SELECT current_setting('server_version')").Scan(&want.Postgres))
	must(t, connectClickHouse(t, s.Endpoints().ClickHouse).QueryRow(limit(t), "SELECT version()").Scan(&want.ClickHouse))
	pom, err := manifests.ReadFile("kafka/pom.xml")
	must(t, err)
	want.Kafka = regexp.MustCompile(`<artifactId>kafka_.*</artifactId>\s*<version>(.*)</version>`).FindStringSubmatch(string(pom))[1]
	if got := s.Versions(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func survives(t *testing.T, server *Server, at Endpoints) {
	before := server.PID()
	must(t, server.Kill())
	must(t, server.Ready(limit(t)))
	if server.PID() == before || server.Deaths() != 1 {
		t.Errorf("process %d became %d after %d deaths, want another one after 1", before, server.PID(), server.Deaths())
	}
	wantMarksIn(t, server.Name(), at, "first day")
	must(t, marksOf(server.Name()).write(limit(t), at, "after the kill"))
	if server.Name() == kafkaName { // its stop is seen below; this one would take seconds
		must(t, marksOf(server.Name()).write(limit(t), at, "after the stop"))
		return
	}
	must(t, server.Stop(limit(t)))
	if server.PID() != 0 {
		t.Errorf("process %d is there after the stop", server.PID())
	}
	must(t, server.Start(limit(t)))
	must(t, marksOf(server.Name()).write(limit(t), at, "after the stop"))
}

// A run that was killed leaves nothing that the next start stumbles over.
func TestKilledRunIsClearedUp(t *testing.T) {
	t.Parallel()
	c := Config{Data: newData(t), Broker: BrokerKafka}
	h := startHolder(t, c)
	makeMarks(t, h.At)
	writeMark(t, h.At, "before the kill")
	must(t, h.cmd.Process.Kill())
	_ = h.cmd.Wait() // killed, it says
	s := startServers(t, c)
	for name, pid := range h.PIDs {
		if line, alive := commandLine(pid); alive && strings.Contains(line, c.Data) {
			t.Errorf("the %s of the killed run is still there: %s", name, line)
		}
	}
	wantMarks(t, s.Endpoints(), "before the kill")
	stopServers(t, s)
}

// Without Java kfake stands in, and the folder stays with it.
func TestKfakeStandsIn(t *testing.T) {
	t.Parallel()
	c := Config{Data: newData(t)}
	_, err := fetchPostgres(limit(t), mustDefaults(t, c)) // what follows has no npm either
	must(t, err)
	_, err = fetchClickHouse(limit(t), mustDefaults(t, c))
	must(t, err)
	h := startHolder(t, c, "PATH=/nonexistent", "JAVA_HOME=")
	if h.At.Broker != BrokerKfake {
		t.Errorf("the broker is %s", h.At.Broker)
	}
	makeMarks(t, h.At)
	writeMark(t, h.At, "without Java")
	must(t, h.stdin.Close())
	must(t, h.cmd.Wait())
	if said := h.stderr.String(); !strings.Contains(said, "kfake stands in") || !strings.Contains(said, "needs Java 17 or newer") {
		t.Errorf("it does not say so plainly: %s", said)
	}
	t.Run("also when there is Java again", func(t *testing.T) {
		s := startServers(t, c)
		if got := s.Versions().Kafka; got != "kfake" {
			t.Errorf("the version of kfake is %q", got)
		}
		must(t, s.Server(kafkaName).Kill())
		must(t, s.Server(kafkaName).Ready(limit(t)))
		wantMarks(t, s.Endpoints(), "without Java")
		stopServers(t, s)
	})
	t.Run("Kafka is refused what is kfake's", func(t *testing.T) {
		c.Broker = BrokerKafka
		_, err := Start(limit(t), c)
		wantSentence(t, err, "made with the broker kfake", "start fresh")
	})
	t.Run("a fresh start is empty", func(t *testing.T) {
		c.Broker, c.Fresh = BrokerKfake, true
		s := startServers(t, c)
		makeMarks(t, s.Endpoints()) // fails where there is one
		stopServers(t, s)
	})
}

func mustDefaults(t *testing.T, c Config) Config {
	t.Helper()
	c, err := c.withDefaults()
	must(t, err)
	return c
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	foreign := newData(t)
	must(t, replaceFile(filepath.Join(foreign, "thesis.txt"), []byte("two years of work")))
	for _, c := range []struct {
		name   string
		config Config
		parts  []string
	}{
		{"a folder that cannot be written", Config{Data: "/dev/null/tajdeed"}, []string{"/dev/null/tajdeed cannot be written", "give another"}},
		{"a folder with other files", Config{Data: foreign}, []string{"did not make", "empty or a new folder"}},
		{"to throw other files away", Config{Data: foreign, Fresh: true}, []string{"did not make", "empty or a new folder"}},
		{"a port that is taken", Config{Data: newData(t), Broker: BrokerKfake, KafkaPort: listener}, []string{"asked for Kafka", "is taken", "for a free one"}},
		{"a broker that nobody knows", Config{Broker: "rabbit"}, []string{`"rabbit"`, "auto, kafka or kfake"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(limit(t), c.config)
			wantSentence(t, err, c.parts...)
		})
	}
}
