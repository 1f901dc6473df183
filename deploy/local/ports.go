package local

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are the ports of one data folder. They are kept in it, so that the addresses
// that a person wrote down stay right after a restart.
type Ports struct {
	Postgres        int `json:"postgres"`
	ClickHouse      int `json:"clickhouse"`
	ClickHouseHTTP  int `json:"clickhouse_http"`
	Kafka           int `json:"kafka"`
	KafkaController int `json:"kafka_controller"`
	KafkaProxied    int `json:"kafka_proxied"`
}

type askedPort struct {
	name string
	port int
}

func (c Config) asked() []askedPort {
	return []askedPort{
		{"Postgres", c.PostgresPort},
		{"ClickHouse", c.ClickHousePort},
		{"ClickHouse's HTTP", c.ClickHouseHTTPPort},
		{"Kafka", c.KafkaPort},
	}
}

// choosePorts gives each server the port that was asked for, or its last one,
// or a free one. Each is listened on until the last is chosen, so that no two are equal.
func choosePorts(c Config, last Ports) (Ports, error) {
	var (
		chosen Ports
		held   reserved
	)
	defer held.release()
	wanted := c.asked()
	slots := []struct {
		asked askedPort
		last  int
		port  *int
	}{
		{wanted[0], last.Postgres, &chosen.Postgres},
		{wanted[1], last.ClickHouse, &chosen.ClickHouse},
		{wanted[2], last.ClickHouseHTTP, &chosen.ClickHouseHTTP},
		{wanted[3], last.Kafka, &chosen.Kafka},
		{askedPort{name: "Kafka's controller"}, last.KafkaController, &chosen.KafkaController},
		{askedPort{name: "Kafka behind a proxy"}, last.KafkaProxied, &chosen.KafkaProxied},
	}
	for _, s := range slots { // those that were asked for first: the others can move
		if s.asked.port == 0 {
			continue
		}
		if *s.port = s.asked.port; !held.reserve(s.asked.port) {
			return Ports{}, fmt.Errorf("port %d, asked for %s, is taken: stop what listens there, give another, or none for a free one", s.asked.port, s.asked.name)
		}
	}
	for _, s := range slots {
		if *s.port != 0 {
			continue
		}
		var err error
		if *s.port, err = held.lastOrFree(s.last); err != nil {
			return Ports{}, fmt.Errorf("choose a port for %s: %w", s.asked.name, err)
		}
	}
	return chosen, nil
}

type reserved struct{ listeners []net.Listener }

func (h *reserved) reserve(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	h.listeners = append(h.listeners, l)
	return true
}

// lastOrFree draws from below the range from which the kernel takes the ports of
// outgoing connections. A port of that range could be taken by a client while its
// server restarts; worse, a client that keeps dialling it may connect to itself.
func (h *reserved) lastOrFree(last int) (int, error) {
	if last != 0 && h.reserve(last) {
		return last, nil
	}
	const from, upTo, tries = 20000, 32000, 200
	for range tries {
		if port := from + rand.IntN(upTo-from); h.reserve(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port found between 20000 and 32000")
}

func (h *reserved) release() {
	for _, l := range h.listeners {
		_ = l.Close()
	}
}
