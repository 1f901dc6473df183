package bench

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// The programs whose processor time is told apart, as the figures name them. The
// bench's own process counts under one of the first two, where it has a part.
const (
	partTajdeed    = "tajdeed" // the stages
	partPublisher  = "publisher"
	partPostgres   = "postgres"
	partKafka      = "kafka"
	partClickHouse = "clickhouse"
)

// runResult is what one run of a figure found.
type runResult struct {
	n       int64
	took    time.Duration
	cpu     map[string]time.Duration // by part; nil where it cannot be had
	rss     map[string]int64         // by role, the most bytes that a process of it held
	latency *Latency
}

// stopwatch measures a span of time and what the processes do in it.
type stopwatch struct {
	world  *world
	own    string // the part that this process counts as; empty for none
	before map[string]time.Duration
	began  time.Time
}

// startClock starts the clock. What takes a moment is done before it runs.
func (w *world) startClock(own string) *stopwatch {
	return &stopwatch{world: w, own: own, before: w.used(own), began: time.Now()}
}

var errProcessEnded = errors.New("a stage's process ended by itself")

// stop ends the span. A process that was replaced makes the run worthless.
func (s *stopwatch) stop(n int64) (runResult, error) {
	run := runResult{n: n, took: time.Since(s.began), rss: map[string]int64{}}
	run.cpu = since(s.before, s.world.used(s.own))
	for role, pids := range s.world.workers.PIDs() {
		for _, pid := range pids {
			run.rss[role] = max(run.rss[role], peakRSS(pid))
		}
	}
	if s.world.workers.Exits() > 0 {
		return run, fmt.Errorf("%w: see %s", errProcessEnded, s.world.logs())
	}
	return run, nil
}

// used is the processor time of each part so far; nil where it cannot be had.
func (w *world) used(own string) map[string]time.Duration {
	roots := map[string][]int{
		partPostgres:   {w.servers.Server("postgres").PID()},
		partKafka:      {w.servers.Server("kafka").PID()},
		partClickHouse: {w.servers.Server("clickhouse").PID()},
	}
	for _, pids := range w.workers.PIDs() {
		roots[partTajdeed] = append(roots[partTajdeed], pids...)
	}
	used := treesCPU(roots)
	if used != nil && own != "" {
		used[own] += ownCPU()
	}
	return used
}

func since(before, after map[string]time.Duration) map[string]time.Duration {
	if before == nil || after == nil {
		return nil
	}
	spent := maps.Clone(after)
	for part := range spent {
		spent[part] -= before[part]
	}
	return spent
}
