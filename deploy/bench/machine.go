package bench

import (
	"runtime"
)

// Machine is what was measured on.
type Machine struct {
	CPU      string  `json:"cpu"`
	Cores    int     `json:"cores"`
	MemoryGB float64 `json:"memory_gb"`
	Kernel   string  `json:"kernel"`
	System   string  `json:"system"`
	Go       string  `json:"go"`
	// Load is the load average of the minute before the first figure: seconds of a
	// machine that does other work say little.
	Load float64 `json:"load"`
}

// Versions is what was measured.
type Versions struct {
	Tajdeed    string `json:"tajdeed"` // version and commit, as the build recorded them
	Postgres   string `json:"postgres"`
	ClickHouse string `json:"clickhouse"`
	Broker     string `json:"broker"` // kafka, or kfake, of which a figure says nothing
	Kafka      string `json:"kafka"`
}

// describe begins a result with what is to be known of it.
func (b *bench) describe(version string) (r Result) {
	r.Machine = Machine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	readMachine(&r.Machine)
	servers := b.servers.Versions()
	r.Versions = Versions{
		Tajdeed: version, Postgres: servers.Postgres, ClickHouse: servers.ClickHouse,
		Broker: string(b.at.Broker), Kafka: servers.Kafka,
	}
	return r
}
