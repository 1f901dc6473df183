package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
)

// benchMachine is what was measured on.
type benchMachine struct {
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

// benchVersions is what was measured.
type benchVersions struct {
	Tajdeed    string `json:"tajdeed"` // version and commit, as the build recorded them
	Postgres   string `json:"postgres"`
	ClickHouse string `json:"clickhouse"`
	Broker     string `json:"broker"` // kafka, or kfake, of which a figure says nothing
	Kafka      string `json:"kafka"`
}

// describe begins a result with what is to be known of it.
func (b *bench) describe(ctx context.Context) (r benchResult, err error) {
	r.Machine = benchMachine{Cores: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	readMachine(&r.Machine)
	r.Versions = benchVersions{Tajdeed: version(), Broker: string(b.at.Broker)}
	if err := b.record.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&r.Versions.Postgres); err != nil {
		return r, fmt.Errorf("ask Postgres for its version: %w", err)
	}
	if err := b.analysts.QueryRow(ctx, `SELECT version()`).Scan(&r.Versions.ClickHouse); err != nil {
		return r, fmt.Errorf("ask ClickHouse for its version: %w", err)
	}
	return r, nil
}

// brokerVersion hears which broker is started: neither its protocol nor its log tells.
type brokerVersion struct{ version string }

func (v *brokerVersion) hear(step string) {
	if version, kafka := strings.CutPrefix(step, "starting Apache Kafka "); kafka {
		v.version = version
	}
}
