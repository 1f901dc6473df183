package local

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestConfigValidate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config Config
		part   string // of the error; "" is none
	}{
		{"nothing given", Config{}, ""},
		{"all given", Config{Data: "/tmp/x", Broker: BrokerKfake, PostgresPort: 1, ClickHousePort: 2, ClickHouseHTTPPort: 3, KafkaPort: 65535}, ""},
		{"an unknown broker", Config{Broker: "redpanda"}, `no broker "redpanda"`},
		{"a port below", Config{KafkaPort: -1}, "-1 is no port for Kafka"},
		{"a port above", Config{ClickHouseHTTPPort: 65536}, "65536 is no port for ClickHouse's HTTP"},
		{"one port twice", Config{PostgresPort: 5432, KafkaPort: 5432}, "Postgres and Kafka cannot both have port 5432"},
		{"a folder that Kafka would take for two", Config{Data: "/tmp/a,b"}, "give one without"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.config.Validate()
			if c.part == "" {
				must(t, err)
				return
			}
			wantSentence(t, err, c.part)
		})
	}
}

func listen(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestChoosePorts(t *testing.T) {
	t.Parallel()
	taken := listen(t)
	first, err := choosePorts(Config{}, Ports{})
	must(t, err)
	again, err := choosePorts(Config{}, first)
	must(t, err)
	if again != first {
		t.Errorf("free ports %+v are not taken again but %+v", first, again)
	}
	moved, err := choosePorts(Config{}, Ports{Postgres: taken})
	must(t, err)
	if moved.Postgres == taken {
		t.Error("a port that is taken was chosen")
	}
	_, err = choosePorts(Config{PostgresPort: taken}, Ports{})
	wantSentence(t, err, "asked for Postgres", "is taken")
	swapped, err := choosePorts(Config{KafkaPort: first.Postgres}, first)
	must(t, err)
	if swapped.Kafka != first.Postgres || swapped.Postgres == first.Postgres {
		t.Errorf("what was asked for does not come first: %+v", swapped)
	}
}

func TestPostgresMustReachItsFolder(t *testing.T) {
	t.Parallel()
	stranger := &syscall.Credential{Uid: 4_000_000, Gid: 4_000_000}
	open := newData(t)
	must(t, mustReach(stranger, open))
	closed := filepath.Join(open, "closed")
	must(t, os.Mkdir(closed, 0o700))
	inner := filepath.Join(closed, "inner")
	must(t, os.Mkdir(inner, 0o755))
	wantSentence(t, mustReach(stranger, inner), "user id 4000000", "may not pass through "+closed, "chmod o+x")
	must(t, mustReach(nil, inner))
}

func TestForeignPidFileIsRemoved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		stays      bool
	}{
		{"of a process that is no Postgres", "1\n/somewhere\n", false},
		{"of a process that is gone: Postgres itself looks", "4194999\n", true},
		{"unreadable", "?", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			path := filepath.Join(home, "postmaster.pid")
			must(t, replaceFile(path, []byte(c.body)))
			must(t, removeForeignPid(home))
			if exists(path) != c.stays {
				t.Errorf("it stays: %v, want %v", exists(path), c.stays)
			}
		})
	}
}

// Behind a proxy the broker listens twice, and tells each client the address that it
// came by; without one nothing changes.
func TestKafkaBehindAProxy(t *testing.T) {
	t.Parallel()
	for proxy, want := range map[string][]string{
		"": {
			"listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n",
			"advertised.listeners=PLAINTEXT://127.0.0.1:1\n",
		},
		"127.0.0.1:9": {
			"listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2,PROXIED://127.0.0.1:3\n",
			"advertised.listeners=PLAINTEXT://127.0.0.1:1,PROXIED://127.0.0.1:9\n",
		},
	} {
		path := filepath.Join(t.TempDir(), "server.properties")
		must(t, writeProperties(path, "data", proxy, Ports{Kafka: 1, KafkaController: 2, KafkaProxied: 3}))
		body, err := os.ReadFile(path)
		must(t, err)
		for _, line := range want {
			if !strings.Contains(string(body), "\n"+line) {
				t.Errorf("with the proxy %q, %q is not in\n%s", proxy, line, body)
			}
		}
	}
}

func TestSharedBuffers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		memory, want uint64
	}{
		{"a machine that does not tell", 0, 128 << 20},
		{"a small machine", 2 << 30, 512 << 20},
		{"a large machine", 256 << 30, 4 << 30},
	} {
		if got := sharedBuffers(tc.memory); got != tc.want {
			t.Errorf("%s: %d bytes, want %d", tc.name, got, tc.want)
		}
	}
}
