package bench

import (
	"runtime"

	"tajdeed/deploy/local"
)

// Machine is the machine on which was measured.
type Machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryGB float64 `json:"memory_gb"`
	Kernel   string  `json:"kernel"`
	System   string  `json:"system"`
	Go       string  `json:"go"`
	// Load is the load average of the minute before the first figure. If it is high, the
	// machine did other work, and the seconds say little.
	Load float64 `json:"load"`
}

// Versions are the versions of what was measured.
type Versions struct {
	Tajdeed    string `json:"tajdeed"` // version and commit, as the build recorded them
	Postgres   string `json:"postgres"`
	ClickHouse string `json:"clickhouse"`
	Broker     string `json:"broker"` // kafka, or kfake, whose figures say nothing about a real broker
	Kafka      string `json:"kafka"`
}

// describe returns a result with the machine and the versions.
func (b *bench) describe(version string) (r Result) {
	r.Machine = Machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	readMachine(&r.Machine)
	servers := b.servers.Versions()
	r.Versions = Versions{
		Tajdeed: version, Postgres: servers.Postgres, ClickHouse: servers.ClickHouse,
		Broker: string(b.at.Broker),
	}
	if b.at.Broker == local.BrokerKafka {
		r.Versions.Kafka = servers.Kafka
	}
	return r
}
