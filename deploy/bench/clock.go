package bench

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// The programs whose processor time is measured, by their names in the figures. The
// bench's own process counts as one of the first two, where it does their work.
const (
	partTajdeed    = "tajdeed" // the stages
	partPublisher  = "publisher"
	partPostgres   = "postgres"
	partKafka      = "kafka"
	partClickHouse = "clickhouse"
)

// runResult is what one run of a figure found.
type runResult struct {
	n        int64
	channels int // the installation's
	took     time.Duration
	cpu      map[string]time.Duration // by program; nil where it cannot be measured
	rss      map[string]int64         // by stage, the most bytes that one of its processes held
	latency  *Latency
}

// stopwatch measures a span of time and the processor time that is spent in it.
type stopwatch struct {
	installation *installation
	own          string // the program that this process counts as; "" for none
	before       map[string]time.Duration
	began        time.Time
}

// startClock starts the clock, after the first reading of processor times, which takes a
// moment.
func (in *installation) startClock(own string) *stopwatch {
	return &stopwatch{installation: in, own: own, before: in.cpuTimes(own), began: time.Now()}
}

var errProcessEnded = errors.New("a stage's process ended by itself")

// stop ends the span. A worker process that ended by itself is an error: the run then says
// nothing.
func (s *stopwatch) stop(n int64) (runResult, error) {
	run := runResult{n: n, channels: s.installation.log.load.channels, took: time.Since(s.began), rss: map[string]int64{}}
	run.cpu = difference(s.before, s.installation.cpuTimes(s.own))
	for stage, pids := range s.installation.workers.PIDs() {
		for _, pid := range pids {
			run.rss[stage] = max(run.rss[stage], peakRSS(pid))
		}
	}
	if s.installation.workers.Exits() > 0 {
		return run, fmt.Errorf("%w: see %s", errProcessEnded, s.installation.logs())
	}
	return run, nil
}

// cpuTimes is the processor time of each program so far, or nil where it cannot be
// measured.
func (in *installation) cpuTimes(own string) map[string]time.Duration {
	roots := map[string][]int{
		partPostgres:   {in.servers.Server("postgres").PID()},
		partKafka:      {in.servers.Server("kafka").PID()},
		partClickHouse: {in.servers.Server("clickhouse").PID()},
	}
	for _, pids := range in.workers.PIDs() {
		roots[partTajdeed] = append(roots[partTajdeed], pids...)
	}
	used := treesCPU(roots)
	if used != nil && own != "" {
		used[own] += ownCPU()
	}
	return used
}

func difference(before, after map[string]time.Duration) map[string]time.Duration {
	if before == nil || after == nil {
		return nil
	}
	spent := maps.Clone(after)
	for part := range spent {
		spent[part] -= before[part]
	}
	return spent
}
